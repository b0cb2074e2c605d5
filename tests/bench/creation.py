"""Apply to Running with three members and TLS, against a bare StatefulSet, alternating."""

import statistics
import time

import bare

NAMESPACE, NAME, VERSION = "bench-creation", "c", "3.6.16"
SECRETS = [f"{NAME}-server-tls", f"{NAME}-peer-tls"]


def all_ready(pods, count=3):
    def ready(pod):
        conditions = pod.get("status", {}).get("conditions", [])
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    return sum(ready(pod) for pod in pods.values()) == count


def clean(client):
    for claim in client.list("PersistentVolumeClaim", NAMESPACE):
        client.delete("PersistentVolumeClaim", NAMESPACE, claim["metadata"]["name"])
    client.wait_gone("Pod", NAMESPACE)
    client.wait_gone("PersistentVolumeClaim", NAMESPACE)


def time_cluster(client):
    """Seconds to phase Running, and to all pods Ready; and the certificates that were made."""
    started = time.monotonic()
    client.create(
        {
            "apiVersion": "etcd.etcd.io/v1alpha1",
            "kind": "EtcdCluster",
            "metadata": {"name": NAME, "namespace": NAMESPACE},
            "spec": {
                "version": VERSION,
                "storage": {
                    "size": "1Gi",
                    "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"},
                },
            },
        }
    )
    ended = client.watch_until(
        "EtcdCluster",
        NAMESPACE,
        lambda objects: objects[NAME].get("status", {}).get("phase") == "Running"
        and objects[NAME]["status"].get("ready") == "3/3",
    )
    secrets = [client.get("Secret", NAMESPACE, name) for name in SECRETS]
    client.delete("EtcdCluster", NAMESPACE, NAME)
    client.wait_gone("EtcdCluster", NAMESPACE)
    client.wait_gone("Service", NAMESPACE)
    clean(client)
    return ended - started, secrets


def time_bare(client, secrets, image):
    for secret in secrets:
        metadata = {"name": secret["metadata"]["name"], "namespace": NAMESPACE}
        client.create(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "type": secret["type"],
                "metadata": metadata,
                "data": secret["data"],
            }
        )
    started = time.monotonic()
    client.create(bare.service(NAMESPACE, NAME))
    client.create(bare.stateful_set(NAMESPACE, NAME, image))
    ended = client.watch_until("Pod", NAMESPACE, all_ready)
    client.delete("StatefulSet", NAMESPACE, NAME)
    client.delete("Service", NAMESPACE, f"{NAME}-peer")
    for secret in secrets:
        client.delete("Secret", NAMESPACE, secret["metadata"]["name"])
    clean(client)
    return ended - started


def measure(client, rounds):
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    image = f"gcr.io/etcd-development/etcd:v{VERSION}"
    ours, theirs = [], []
    try:
        for number in range(rounds):
            seconds, secrets = time_cluster(client)
            ours.append(seconds)
            theirs.append(time_bare(client, secrets, image))
            print(f"  round {number + 1}: cluster {ours[-1]:.2f} s, bare {theirs[-1]:.2f} s")
    finally:
        client.delete("Namespace", None, NAMESPACE)
        client.watch_until("Namespace", None, lambda objects: NAMESPACE not in objects)
    a, b = statistics.median(ours), statistics.median(theirs)
    print(f"apply to Running, 3 members, TLS: median {a:.2f} s ({min(ours):.2f} to {max(ours):.2f})")
    print(f"bare StatefulSet, all pods Ready: median {b:.2f} s ({min(theirs):.2f} to {max(theirs):.2f})")
    print(f"ratio of the medians: {a / b:.2f}; median of the ratios pair by pair: "
          f"{statistics.median(x / y for x, y in zip(ours, theirs)):.2f}")
