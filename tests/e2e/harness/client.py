"""etcdctl in a pod of its own, with the certificate that the operator made for applications.

etcd's image has no shell and nothing that waits, so the pod runs etcd's TCP gateway to nowhere; each
command is an exec."""
import json
import re
from urllib.parse import urlsplit

from harness import kubectl
from harness.wait import NotYet, wait_for

IMAGE = "gcr.io/etcd-development/etcd:v3.6.16"


class Client:
    def __init__(self, cluster, avoid=None):
        self.namespace = cluster.namespace
        self.name = f"client-of-{cluster.name}"[:63].rstrip("-")
        self.secret = f"{cluster.name}-client-tls"
        self.service = f"https://{cluster.name}-client.{cluster.namespace}.svc:2379"
        self.avoid = avoid
        self.node = None
        self.patience_seconds = 0  # For so long, a call that fails is made again.

    def begin(self):
        """It may begin before the cluster has made its Secret."""
        kubectl.delete("pod", self.name, self.namespace, wait=True, force=True)
        kubectl.create(self._manifest())
        return self

    def wait_ready(self):
        if not self.node:
            wait_for(self._ready, 60, f"client pod {self.namespace}/{self.name} runs")
        return self

    def _ready(self):
        pod = kubectl.get("pod", self.name, self.namespace)
        if not pod or kubectl.container_status(pod)[1].get("ready") is not True:
            raise NotYet(json.dumps(pod and pod.get("status")))
        self.node = pod["spec"]["nodeName"]
        return True

    def _manifest(self):
        spec = {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "fsGroup": 65532,
                                "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "etcdctl",
                "image": IMAGE,
                "imagePullPolicy": "IfNotPresent",
                "command": ["etcd", "gateway", "start", "--listen-addr=127.0.0.1:23790",
                            "--endpoints=127.0.0.1:1"],
                "volumeMounts": [{"name": "tls", "mountPath": "/tls", "readOnly": True}],
                "resources": {"requests": {"cpu": "10m", "memory": "16Mi"},
                              "limits": {"memory": "256Mi"}},
                "securityContext": {"allowPrivilegeEscalation": False,
                                    "readOnlyRootFilesystem": True,
                                    "capabilities": {"drop": ["ALL"]}},
            }],
            "volumes": [{"name": "tls",
                         "secret": {"secretName": self.secret, "defaultMode": 0o440}}],
        }
        if self.avoid:
            elsewhere = {"key": "kubernetes.io/hostname", "operator": "NotIn", "values": [self.avoid]}
            spec["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [elsewhere]}]}}}
        return {"apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": self.name, "namespace": self.namespace,
                             "labels": {"etcd.etcd.io/e2e": "client"}}, "spec": spec}

    def etcdctl(self, *arguments, endpoints=None, certificate=True, timeout=8):
        command = ["exec", self.name, "--", "etcdctl", f"--command-timeout={timeout}s",
                   "--endpoints=" + ",".join(endpoints or [self.service]), "--cacert=/tls/ca.crt"]
        if certificate:
            command += ["--cert=/tls/tls.crt", "--key=/tls/tls.key"]
        command += arguments
        if not self.patience_seconds:
            return kubectl.run(*command, namespace=self.namespace)
        return wait_for(lambda: self._answer(command), self.patience_seconds, " ".join(command))[0]

    def _answer(self, command):
        try:
            return [kubectl.run(*command, namespace=self.namespace)]
        except kubectl.KubectlError as error:
            raise NotYet(str(error)) from error

    def put(self, key, value):
        self.etcdctl("put", key, value)

    def get(self, key, endpoints=None):
        """The value, or None."""
        text = self.etcdctl("get", key, "--print-value-only", endpoints=endpoints)
        return text.rstrip("\n") or None

    def can_write(self, value):
        """For wait_for: during an election etcd refuses for a moment."""
        try:
            self.etcdctl("put", "probe", value, timeout=3)
            return self.get("probe") == value
        except kubectl.KubectlError as error:
            raise NotYet(str(error)) from error

    def is_refused_for_its_certificate(self, endpoints=None):
        """For wait_for: etcd refuses every time, and etcdctl mostly says why."""
        try:
            said = self.etcdctl("get", "key", endpoints=endpoints, certificate=False, timeout=2)
        except kubectl.KubectlError as error:
            if re.search("tls: (certificate required|bad certificate)", str(error)):
                return True
            raise NotYet(str(error)) from error
        raise AssertionError(f"a client without a certificate was served: {said}")

    def members(self):
        """The answer's header and the members by the names of their pods; one that has not started
        has no name of its own yet."""
        answer = json.loads(self.etcdctl("member", "list", "-w", "json"))
        return answer["header"], {urlsplit(member["peerURLs"][0]).hostname.partition(".")[0]: member
                                  for member in answer["members"]}

    def endpoint_status(self, endpoints):
        return json.loads(self.etcdctl("endpoint", "status", "-w", "json", endpoints=endpoints))
