"""The most memory that the operator holds while it reads a long list of pods.

Runs inside tests/bench/plane:  tests/bench/plane /usr/bin/python3 tests/bench/relist.py [--pods 3000]

The pods are copies of a member's, status included, under names and cluster labels of their own; they
are scheduled nowhere.
"""

import argparse
import time

import kube
import process
import scale


def copy_of(pod, i):
    """The i-th copy: nobody owns it, so that nobody tidies it away."""
    labels = dict(pod["metadata"]["labels"])
    labels["app.kubernetes.io/instance"] = labels["etcd.etcd.io/cluster"] = f"x{i // 3:04}"
    spec = {key: value for key, value in pod["spec"].items() if key != "nodeName"}
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": f"x{i // 3:04}-{i % 3}", "namespace": scale.NAMESPACE, "labels": labels,
                     "annotations": pod["metadata"]["annotations"]},
        "spec": {**spec, "schedulingGates": [{"name": "etcd.etcd.io/bench"}]},
    }


def make_pods(client, count):
    pod = client.get("Pod", scale.NAMESPACE, "c0000-0")
    for i in range(count):
        made = client.create(copy_of(pod, i))
        client.call("PATCH", client.path("Pod", scale.NAMESPACE, made["metadata"]["name"]) + "/status",
                    {"status": {"containerStatuses": pod["status"]["containerStatuses"],
                                "initContainerStatuses": pod["status"]["initContainerStatuses"]}},
                    "application/merge-patch+json")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=3000)
    options = parser.parse_args()

    client = kube.Client()
    scale.prepare(client)
    scale.make_volumes(client, 0, 3)
    with scale.operator():
        scale.wait_ready()
        scale.apply_clusters(client, 0, 1)
    make_pods(client, options.pods)
    with scale.operator() as pid:
        scale.wait_ready()
        at_ready = process.peak(pid)
        time.sleep(20)  # At rest again.
        print(f"{options.pods} pods listed at the start: {at_ready:.1f} MiB at most when ready, "
              f"{process.peak(pid):.1f} later; then {process.memory_text(pid)}", flush=True)


if __name__ == "__main__":
    main()
