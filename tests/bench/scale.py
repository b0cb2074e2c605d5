"""Fleets of simulated clusters: memory, processor time, time to Running, reaction to a change.

Runs inside tests/bench/plane, which has the control plane, kwok and the members' stand-in:

    tests/bench/plane /usr/bin/python3 tests/bench/scale.py [--sizes 10,100,1000]

The operator is the release build, as a process with the account and the rules of deploy/.  Fleets
grow: each size keeps the clusters of the one before.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import threading
import time
import urllib.parse
import urllib.request

import audit
import kube
import process

NAMESPACE = "fleet"
NODES = 12
ACCOUNT = "/run/secrets/kubernetes.io/serviceaccount"
METRICS, HEALTH = "127.0.0.1:8080", "127.0.0.1:8081"
CHANGE_S = 30  # A change that is not seen by then counts as lost.


def kubectl(*arguments):
    return subprocess.run(["kubectl", *arguments], check=True, capture_output=True, text=True).stdout


# What stands in for nodes and volumes


def make_nodes(client):
    for i in range(NODES):
        name = f"kwok-{i:02}"
        labels = {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": f"zone-{i % 3}"}
        client.call("POST", "/api/v1/nodes", {
            "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels},
            "spec": {"podCIDR": f"10.99.{i * 16}.0/20", "podCIDRs": [f"10.99.{i * 16}.0/20"]},
        })


def make_class(client):
    client.call("POST", "/apis/storage.k8s.io/v1/storageclasses", {
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "fleet",
                     "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "kubernetes.io/no-provisioner",
    })


def make_volumes(client, first, last):
    """Nobody mounts them: they are there to be bound."""
    for i in range(first, last):
        client.call("POST", "/api/v1/persistentvolumes", {
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": f"volume-{i:04}"},
            "spec": {"storageClassName": "fleet", "capacity": {"storage": "1Gi"},
                     "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/nowhere"}},
        })


# The operator


def install():
    kubectl("apply", "--server-side", "-k", "deploy")
    # Its pod would be simulated as well.
    kubectl("-n", "etcd-operator-system", "scale", "deployment/etcd-operator", "--replicas=0")
    kubectl("wait", "--for=condition=Established", "crd/etcdclusters.etcd.etcd.io")
    os.makedirs(ACCOUNT, exist_ok=True)
    token = kubectl("-n", "etcd-operator-system", "create", "token", "etcd-operator", "--duration=8h")
    authority = kubectl("get", "configmap", "kube-root-ca.crt", "-o", r"jsonpath={.data.ca\.crt}")
    for name, text in ("token", token), ("ca.crt", authority):
        with open(f"{ACCOUNT}/{name}", "w", encoding="utf-8") as file:
            file.write(text)


@contextlib.contextmanager
def operator(log="/run/operator.log"):
    """The process, ready; ended at the end."""
    server = urllib.parse.urlparse(kube.Client().url.geturl())
    environment = {"KUBERNETES_SERVICE_HOST": server.hostname, "PATH": os.environ["PATH"],
                   "KUBERNETES_SERVICE_PORT": str(server.port), "POD_NAME": "bench",
                   "POD_NAMESPACE": "etcd-operator-system"}
    with open(log, "a", encoding="utf-8") as file:
        running = subprocess.Popen(
            [os.environ.get("ETCD_OPERATOR", "build/release/src/cmd/etcd-operator"), "run", "--operator-image=bench"],
            env=environment, stdout=file, stderr=file)
    try:
        yield running.pid
    finally:
        running.terminate()
        running.wait()


def wait_ready(deadline_s=60):
    limit = time.monotonic() + deadline_s
    while True:
        try:
            with urllib.request.urlopen(f"http://{HEALTH}/readyz", timeout=10):
                return  # All stores are filled.
        except OSError:
            if time.monotonic() > limit:
                raise
        time.sleep(0.05)


def prepare(client):
    install()
    make_nodes(client)
    make_class(client)
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})


# Measurements


def apply_clusters(client, first, last):
    """Seconds until all of them are Running, from the first request on."""
    started = time.monotonic()
    for i in range(first, last):
        client.create({
            "apiVersion": "etcd.etcd.io/v1alpha1", "kind": "EtcdCluster",
            "metadata": {"name": f"c{i:04}", "namespace": NAMESPACE},
            "spec": {"version": "3.6.16", "storage": {"size": "1Gi"}},
        })
    waiting = [f"c{i:04}" for i in range(first, last)]

    def all_running(objects):
        while waiting and objects.get(waiting[-1], {}).get("status", {}).get("phase") == "Running":
            waiting.pop()
        return not waiting

    return client.watch_until("EtcdCluster", NAMESPACE, all_running, 1800) - started


def steady(pid, clusters, seconds):
    log = audit.Audit()
    before = process.work(pid, METRICS)
    time.sleep(seconds)  # A state is measured, not a moment.
    cpu, passes, looks = (b - a for a, b in zip(before, process.work(pid, METRICS)))
    minutes = seconds / 60
    print(f"  steady: {process.memory_text(pid)}; cpu {cpu / minutes:.2f} s a minute, "
          f"{1000 * cpu / minutes / clusters:.1f} ms for each cluster; "
          f"{passes / minutes:.0f} passes and {looks / minutes:.0f} cheap looks a minute", flush=True)
    print(f"  requests: {audit.text(log.requests(), minutes)}", flush=True)


class Generations(threading.Thread):
    """Watches the StatefulSets and notes when each generation was seen."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen, self.changed = {}, threading.Condition()
        self.client = kube.Client()
        path = self.client.path("StatefulSet", NAMESPACE)
        version = self.client.call("GET", path + "?limit=1")["metadata"]["resourceVersion"]
        self.client.connection.request("GET", f"{path}?watch=true&resourceVersion={version}")
        self.lines = self.client.connection.getresponse()
        self.start()

    def run(self):
        while line := self.lines.readline():
            now, metadata = time.monotonic(), json.loads(line)["object"]["metadata"]
            with self.changed:
                self.seen.setdefault((metadata["name"], metadata["generation"]), now)
                self.changed.notify_all()

    def wait(self, name, generation):
        with self.changed:
            if not self.changed.wait_for(lambda: (name, generation) in self.seen, CHANGE_S):
                raise RuntimeError(f"{name}: the change was not seen in {CHANGE_S} s")
            return self.seen[name, generation]


def reaction(client, clusters, changes=200):
    """From the patch of a cluster to its StatefulSet's new template, one change after another."""
    generations, took = Generations(), []
    for i in range(changes):
        name = f"c{(i * 7919) % clusters:04}"
        before = client.get("StatefulSet", NAMESPACE, name)["metadata"]["generation"]
        # No value twice, or nothing would change.
        patch = {"spec": {"etcd": {"snapshotCount": 500 * clusters + i}}}
        started = time.monotonic()
        client.merge_patch("EtcdCluster", NAMESPACE, name, patch)
        took.append(1000 * (generations.wait(name, before + 1) - started))
    took.sort()
    print(f"  reaction to a change: p50 {statistics.median(took):.0f} ms, "
          f"p99 {took[len(took) * 99 // 100]:.0f} ms, longest {took[-1]:.0f} ms "
          f"({changes} changes)", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="10,100,1000")
    parser.add_argument("--seconds", type=int, default=120, help="of each steady state")
    options = parser.parse_args()

    client, have = kube.Client(), 0
    prepare(client)
    with operator() as pid:
        wait_ready()
        for size in (int(text) for text in options.sizes.split(",")):
            print(f"{size} clusters of 3 members", flush=True)
            make_volumes(client, 3 * have, 3 * size)
            seconds = apply_clusters(client, have, size)
            print(f"  {size - have} more applied at once, all Running after {seconds:.1f} s", flush=True)
            have = size
            time.sleep(30)  # The rest of the changes: permits that are taken off, last status.
            steady(pid, size, options.seconds)
            reaction(client, size)
    with operator() as pid:
        wait_ready()
        time.sleep(60)
        print(f"  after a restart: {process.memory_text(pid)}, at most {process.peak(pid):.1f}")


if __name__ == "__main__":
    main()
