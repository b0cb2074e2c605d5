"""A small Kubernetes client over the standard library, for timing: kubectl takes 100 ms a call."""

import base64
import http.client
import json
import os
import ssl
import tempfile
import time
import urllib.parse

import yaml

IDLE_S = 30

PATHS = {
    "EtcdCluster": "/apis/etcd.etcd.io/v1alpha1/namespaces/{ns}/etcdclusters",
    "StatefulSet": "/apis/apps/v1/namespaces/{ns}/statefulsets",
    "Service": "/api/v1/namespaces/{ns}/services",
    "Secret": "/api/v1/namespaces/{ns}/secrets",
    "Pod": "/api/v1/namespaces/{ns}/pods",
    "PersistentVolumeClaim": "/api/v1/namespaces/{ns}/persistentvolumeclaims",
    "Namespace": "/api/v1/namespaces",
}


class NotFound(Exception):
    pass


class Client:
    """One connection for calls; each watch opens its own."""

    def __init__(self, kubeconfig=None):
        with open(kubeconfig or os.environ["KUBECONFIG"], encoding="utf-8") as file:
            config = yaml.safe_load(file)
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.url = urllib.parse.urlparse(cluster["server"])
        self.context = ssl.create_default_context(cadata=self._text(cluster, "certificate-authority"))
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as pair:
            pair.write(self._text(user, "client-certificate") + self._text(user, "client-key"))
            pair.flush()
            self.context.load_cert_chain(pair.name)
        self.connection, self.used = None, 0

    @staticmethod
    def _text(section, name):
        if name + "-data" in section:
            return base64.b64decode(section[name + "-data"]).decode()
        with open(section[name], encoding="utf-8") as file:
            return file.read()

    def _connect(self):
        return http.client.HTTPSConnection(
            self.url.hostname, self.url.port, context=self.context, timeout=300
        )

    def call(self, method, path, body=None, content_type="application/json"):
        # The API server closes a connection that has been idle for long.
        if not self.connection or time.monotonic() - self.used > IDLE_S:
            self.connection = self._connect()
        data = json.dumps(body) if body is not None else None
        self.connection.request(method, path, data, {"Content-Type": content_type})
        response = self.connection.getresponse()
        self.used = time.monotonic()
        text = response.read().decode()
        if response.status == 404:
            raise NotFound(path)
        if response.status >= 300:
            raise RuntimeError(f"{method} {path}: {response.status} {text}")
        return json.loads(text) if text.startswith("{") else text

    @staticmethod
    def path(kind, namespace, name=None):
        base = PATHS[kind].format(ns=namespace)
        return f"{base}/{name}" if name else base

    def create(self, obj):
        return self.call("POST", self.path(obj["kind"], obj["metadata"].get("namespace")), obj)

    def get(self, kind, namespace, name):
        return self.call("GET", self.path(kind, namespace, name))

    def list(self, kind, namespace):
        return self.call("GET", self.path(kind, namespace))["items"]

    def merge_patch(self, kind, namespace, name, change):
        return self.call("PATCH", self.path(kind, namespace, name), change,
                         "application/merge-patch+json")

    def delete(self, kind, namespace, name):
        try:
            self.call("DELETE", self.path(kind, namespace, name))
        except NotFound:
            pass

    def watch_until(self, kind, namespace, done, deadline_s=180):
        """Watches the kind from its present state until done(objects by name); returns the time."""
        listed = self.call("GET", self.path(kind, namespace))
        objects = {item["metadata"]["name"]: item for item in listed["items"]}
        if done(objects):
            return time.monotonic()
        connection = self._connect()
        query = f"?watch=true&resourceVersion={listed['metadata']['resourceVersion']}"
        connection.request("GET", self.path(kind, namespace) + query)
        response = connection.getresponse()
        limit = time.monotonic() + deadline_s
        while time.monotonic() < limit:
            line = response.readline()
            if not line:
                raise RuntimeError(f"the watch of {kind} ended")
            event = json.loads(line)
            item = event["object"]
            if event["type"] == "DELETED":
                objects.pop(item["metadata"]["name"], None)
            else:
                objects[item["metadata"]["name"]] = item
            if done(objects):
                connection.close()
                return time.monotonic()
        raise RuntimeError(f"{kind} in {namespace} did not get there in {deadline_s} s")

    def wait_gone(self, kind, namespace):
        self.watch_until(kind, namespace, lambda objects: not objects)
