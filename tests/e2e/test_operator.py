"""The operator itself: its ends and its ports."""
import concurrent.futures
import time

import pytest

from harness import kubectl
from harness.cluster import KILL, Cluster, check_one_healthy_cluster
from harness.kubectl import Watch
from harness.operator import NAMESPACE
from harness.wait import NotYet, wait_for

# Named points of act() and of the status's write, in the order in which a creation meets them.
CREATION_POINTS = ["finalizer-added", "status-written", "certificates-issued", "object-applied",
                   "statefulset-applied", "first-permit-granted", "permits-granted",
                   "permit-retired"]
DELETION_POINTS = ["etcd-stopped", "object-removed", "before-finalizer-removed"]


def clusters_that_kill(operator, namespace, point):
    """Several for each kill: one operator dies with all of them under way."""
    pod = operator.wait_ready()["metadata"]["name"]
    made = [Cluster(namespace, f"{name}-{point}", size, annotations={KILL: f"{point}@{pod}"})
            for name, size in (("a", 3), ("b", 1))]
    kubectl.create(*(cluster.manifest() for cluster in made))
    return pod, made


def next_operator(operator, killed_pod):
    """Another pod, at once: the old one's container would wait for its back-off."""
    operator.wait_killed(killed_pod)
    operator.replace_pod()
    operator.forget_lease()


@pytest.mark.parametrize("point", CREATION_POINTS)
def test_killed_during_a_creation(operator, namespace, point):
    pod, made = clusters_that_kill(operator, namespace, point)
    next_operator(operator, pod)
    with concurrent.futures.ThreadPoolExecutor(len(made)) as threads:
        list(threads.map(check_one_healthy_cluster, made))


def test_killed_while_a_wrong_image_is_mended(operator, namespace):
    """Between the deletion of outdated pods."""
    cluster = Cluster(namespace, size=3)
    cluster.spec["version"] = "3.6.99"
    cluster.create()
    cluster.wait_told("cannot get its image")
    pod = operator.wait_ready()["metadata"]["name"]
    cluster.annotate(KILL, f"pod-deleted@{pod}")
    cluster.patch_spec({"version": "3.6.16"})
    next_operator(operator, pod)
    check_one_healthy_cluster(cluster)


def test_killed_during_a_deletion(operator, namespace):
    made = [Cluster(namespace, point, 1).create() for point in DELETION_POINTS]
    for cluster in made:
        cluster.wait_running()
    for cluster in made:
        pod = operator.wait_ready()["metadata"]["name"]
        cluster.annotate(KILL, f"{cluster.name}@{pod}")
        cluster.delete()
        next_operator(operator, pod)
    for cluster in made:
        cluster.wait_gone()

        def nothing_left(cluster=cluster):
            left = cluster.children()
            if left:
                raise NotYet(str(left))
            return True
        wait_for(nothing_left, 60, f"nothing is left of {cluster}")


def test_ends_in_time_when_asked(operator, shared):
    """SIGTERM, with a cluster that runs."""
    shared.wait_running()
    pod = operator.wait_ready()["metadata"]["name"]

    def ended(now):
        return kubectl.container_status(now)[1].get("state", {}).get("terminated")
    with Watch("pod", pod, NAMESPACE) as watch:
        asked = time.monotonic()
        kubectl.delete("pod", pod, NAMESPACE)
        at, last = watch.wait(ended, 60, "its container ended", asked)
    print(f"\nSIGTERM to the end: {at - asked:.2f} s")
    assert ended(last)["exitCode"] == 0, ended(last)
    assert at - asked <= 30
    operator.wait_ready()
    shared.wait_running()


def test_a_restart_changes_nothing(operator, shared):
    """A new process sees a cluster as it is, and writes nothing at all."""
    before = shared.wait_running()
    uids = {pod["metadata"]["uid"] for pod in shared.pods()}
    operator.replace_pod()
    operator.wait_ready()
    seen = f'etcd_cluster_health{{namespace="{shared.namespace}",name="shared"}}'
    wait_for(lambda: operator.metrics().get(seen) == 1, 30, "the new operator has looked at it")
    after = shared.wait_running()
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    assert {pod["metadata"]["uid"] for pod in shared.pods()} == uids


@pytest.mark.side_by_side
def test_health_endpoints(operator):
    operator.wait_ready()
    assert operator.fetch(8081, "/healthz").strip() == "ok"
    assert operator.fetch(8081, "/readyz")


@pytest.mark.side_by_side
def test_metrics(operator, shared):
    shared.wait_running()
    labels = f'{{namespace="{shared.namespace}",name="shared"}}'
    metrics = wait_for(lambda: (now := operator.metrics()).get(f"etcd_cluster_size{labels}") and now,
                       30, "the cluster's metrics")
    assert metrics[f"etcd_cluster_size{labels}"] == 3
    assert metrics[f"etcd_cluster_health{labels}"] == 1
    assert metrics[f"etcd_cluster_members_ready{labels}"] == 3
    assert metrics['etcd_operator_reconcile_total{result="success"}'] > 0
    assert "etcd_operator_queue_depth" in metrics
    assert metrics["process_resident_memory_bytes"] > 0
    assert any(name.startswith("etcd_operator_api_requests_total{") for name in metrics)
    assert any(name.startswith("etcd_operator_build_info{") for name in metrics)


@pytest.mark.side_by_side
def test_metrics_forget_a_deleted_cluster(operator, namespace):
    cluster = Cluster(namespace, size=1).create()
    cluster.wait_running()
    label = f'namespace="{namespace}"'
    assert any(label in name for name in operator.metrics())
    cluster.delete()
    cluster.wait_gone()
    wait_for(lambda: not any(label in name for name in operator.metrics()), 30,
             "the metrics do not name it any more")
