"""Ten clusters of three members: from apply to Running, and what the operator uses when all is well."""

import json
import re
import subprocess
import time

import audit
import creation
import idle
import process

NAMESPACE, COUNT, VERSION = "bench-ten", 10, "3.6.16"


def apply_all(client):
    """Seconds from the first request until every cluster is Running with 3/3 ready."""
    started = time.monotonic()
    for i in range(COUNT):
        client.create({
            "apiVersion": "etcd.etcd.io/v1alpha1",
            "kind": "EtcdCluster",
            "metadata": {"name": f"c{i}", "namespace": NAMESPACE},
            "spec": {
                "version": VERSION,
                "storage": {
                    "size": "1Gi",
                    "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"},
                },
            },
        })

    def all_running(objects):
        def running(status):
            return status.get("phase") == "Running" and status.get("ready") == "3/3"

        return sum(running(o.get("status", {})) for o in objects.values()) == COUNT

    return client.watch_until("EtcdCluster", NAMESPACE, all_running, 600) - started


def calls_answered(pods):
    """Calls that the members have answered, by their own count: nobody but the operator asks."""
    calls = 0
    for pod in pods:
        text = subprocess.run(
            ["kubectl", "get", "--raw", f"/api/v1/namespaces/{NAMESPACE}/pods/"
             f"{pod['metadata']['name']}:2381/proxy/metrics"],
            check=True, capture_output=True, text=True).stdout
        calls += sum(float(value) for value in re.findall(
            r'^grpc_server_handled_total{.*grpc_service="etcdserverpb\..*} (\S+)$', text, re.M))
    return calls


def steady(client, seconds):
    pod = idle.operator_pod()
    pid, address = idle.host_pid(pod), f"{pod['status']['podIP']}:8080"
    pods = client.list("Pod", NAMESPACE)

    log = audit.Audit()
    before = calls_answered(pods), *process.work(pid, address)
    time.sleep(seconds)  # A state is measured, not a moment.
    after = calls_answered(pods), *process.work(pid, address)

    calls, cpu, passes, looks = (b - a for a, b in zip(before, after))
    minutes = seconds / 60
    print(f"ten clusters, steady: {process.memory_text(pid)}")
    print(f"cpu: {cpu / minutes:.2f} s a minute; {passes / minutes:.0f} passes and "
          f"{looks / minutes:.0f} cheap looks a minute, {1000 * cpu / (passes + looks):.2f} ms each; "
          f"{calls / (passes + looks):.1f} calls of etcd for each, "
          f"{1000 * cpu / calls:.2f} ms for each call")
    print(f"API requests a minute: {audit.text(log.requests(), minutes)}")


def keep_a_pod(path):
    """A member's pod for tests/bench/decode.c."""
    text = idle.kubectl("-n", NAMESPACE, "get", "pod", "c0-0", "-o", "json", "--show-managed-fields")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(json.loads(text), file)


def measure(client, seconds, pod_file):
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    try:
        print(f"ten clusters applied at once, all Running after {apply_all(client):.1f} s")
        time.sleep(30)  # The last permits are taken off, the last status is written.
        keep_a_pod(pod_file)
        steady(client, seconds)
    finally:
        for i in range(COUNT):
            client.delete("EtcdCluster", NAMESPACE, f"c{i}")
        client.wait_gone("EtcdCluster", NAMESPACE)
        creation.clean(client)
        client.delete("Namespace", None, NAMESPACE)
        client.watch_until("Namespace", None, lambda objects: NAMESPACE not in objects)
