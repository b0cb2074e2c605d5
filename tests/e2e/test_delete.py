"""Deletion leaves nothing but what the policy keeps, and what is kept can be used again."""
import pytest

from harness import kubectl
from harness.cluster import SMALL, Cluster, check_one_healthy_cluster, condition
from harness.wait import NotYet, merged, wait_for

pytestmark = pytest.mark.side_by_side

RETAIN = merged(SMALL, {"storage": {
    "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain"}}})
NO_IMAGE = {"version": "3.6.99"}


def claims(cluster, size):
    return {f"PersistentVolumeClaim/data-{cluster.pod_name(i)}" for i in range(size)}


def check_left(cluster, expected):
    """Dependents that Kubernetes itself collects may take a moment."""
    cluster.wait_gone()

    def only_that():
        left = cluster.children()
        if left != expected:
            raise NotYet(", ".join(sorted(left ^ expected)) + " differ")
        return True
    wait_for(only_that, 60, f"only {sorted(expected) or 'nothing'} is left")


def forget_client(cluster):
    kubectl.delete("pod", cluster.client().name, cluster.namespace, force=True)


@pytest.mark.parametrize("policy, spec", [("Delete", SMALL), ("Retain", RETAIN)])
def test_while_it_is_being_created(namespace, policy, spec):
    cluster = Cluster(namespace, size=3, spec=merged(spec, NO_IMAGE)).create()
    cluster.wait_told("image")
    assert cluster.status()["phase"] == "Creating"
    cluster.delete()
    check_left(cluster, claims(cluster, 3) if policy == "Retain" else set())


def test_at_once_after_its_creation(namespace):
    cluster = Cluster(namespace, size=3).create()
    cluster.delete()
    check_left(cluster, set())


def test_while_it_runs(namespace):
    cluster = Cluster(namespace, size=3).create()
    cluster.wait_running()
    cluster.delete()
    check_left(cluster, set())


def test_kept_volumes_are_adopted_or_refused(namespace):
    """Deleted while it runs, while it has failed, and created again over the volumes it left."""
    first = Cluster(namespace, size=3, spec=RETAIN).create()
    check_one_healthy_cluster(first)
    first.client().put("kept", "by the policy")
    cluster_id = first.status()["clusterID"]
    forget_client(first)
    first.delete()
    check_left(first, claims(first, 3))

    # Another size is refused in words, and nothing is started.
    other = Cluster(namespace, size=1, spec=RETAIN).create()
    other.wait(lambda now: now.get("status", {}).get("phase") == "Failed", "Failed")
    other.wait_told("volumes of an earlier cluster", "spec.size")
    assert condition(other.get(), "Ready")["status"] == "False"
    assert "clusterID" not in other.status()
    other.delete()
    check_left(other, claims(first, 3))

    # The right size is the mend, without another deletion.
    again = Cluster(namespace, size=1, spec=RETAIN).create()
    again.wait_told("volumes of an earlier cluster")
    again.patch_spec({"size": 3})
    again.spec["size"] = 3
    check_one_healthy_cluster(again)
    assert again.client().get("kept") == "by the policy"
    status = again.status()
    assert status["clusterID"] == cluster_id, "it is the same etcd cluster"
    assert {permit["mode"] for permit in status["bootstrap"]["permits"]} == {"adopt"}

    # Nor does the operator lose it afterwards: a member that restarts needs nobody.
    uid = again.pod(0)["metadata"]["uid"]
    kubectl.delete("pod", again.pod_name(0), namespace)
    wait_for(lambda: (again.pod(0) or {}).get("metadata", {}).get("uid", uid) != uid, 60,
             "another pod of the same name")
    check_one_healthy_cluster(again)

    # The policy can be changed until the end.
    again.patch_spec({"storage": {
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}})
    again.delete()
    check_left(again, set())


def test_half_of_the_kept_volumes_is_refused(namespace):
    """One claim of three is missing: half a cluster's data is neither adopted nor overgrown."""
    first = Cluster(namespace, size=3, spec=RETAIN).create()
    first.wait_running()
    first.delete()
    check_left(first, claims(first, 3))
    kubectl.delete("pvc", "data-c-1", namespace, wait=True)
    again = Cluster(namespace, size=3, spec=RETAIN).create()
    again.wait_told("volumes of an earlier cluster", "data-c-1: empty")
    assert again.status()["phase"] == "Failed"
    again.delete()
    check_left(again, claims(again, 3))


def test_with_its_whole_namespace(namespace):
    """As `kubectl delete namespace` does it: everything at once, in any order."""
    Cluster(namespace, size=1).create().wait_running()
    kubectl.delete("namespace", namespace)
    wait_for(lambda: not kubectl.get("namespace", namespace), 90, f"namespace {namespace} is gone")
