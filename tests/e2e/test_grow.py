"""Larger volumes, and volumes of another class: no pod is restarted, and no data lost."""
import pytest

from harness import kubectl
from harness.cluster import SMALL, Cluster, check_one_healthy_cluster, condition
from harness.wait import NotYet, merged, wait_for

pytestmark = pytest.mark.side_by_side

GROWING, FIXED = "testbed-local", "testbed-fixed"  # testbed/config/storage.yaml


@pytest.fixture(scope="module", name="cluster")
def _cluster(testbed, module_namespace):
    """Only a driver that is known to grow volumes can be asked to."""
    del testbed
    cluster = Cluster(module_namespace, "c", 1).create()
    cluster.wait_running()
    return cluster


def pods(cluster):
    """{name: (UID, restarts)}"""
    return {pod["metadata"]["name"]: (pod["metadata"]["uid"],
                                      pod["status"]["containerStatuses"][0]["restartCount"])
            for pod in cluster.pods()}


def volumes(cluster):
    """{claim: (the volume's name, its capacity, its class)}"""
    return {claim["metadata"]["name"]: (claim["spec"].get("volumeName"),
                                        claim["status"].get("capacity", {}).get("storage"),
                                        claim["spec"].get("storageClassName"))
            for claim in kubectl.get_list("persistentvolumeclaims", cluster.namespace)
            if claim["metadata"]["name"].startswith(f"data-{cluster.name}-")}


def capacities(cluster):
    return [capacity for _, capacity, _ in volumes(cluster).values()]


def template(cluster):
    made = kubectl.get("statefulset", cluster.name, cluster.namespace)
    if not made or "deletionTimestamp" in made["metadata"]:
        raise NotYet("the StatefulSet is away")
    return made["spec"]["volumeClaimTemplates"][0]["spec"]


def wait_size(cluster, size):
    wait_for(lambda: set(capacities(cluster)) == {size}, 60, f"all volumes have {size}")
    wait_for(lambda: template(cluster)["resources"]["requests"]["storage"] == size, 60,
             "new members get such volumes")


def held(cluster, *words):
    def said(now):
        applied = condition(now, "SpecApplied") or {}
        return applied.get("status") == "False" and \
            all(word in applied["message"] for word in words)
    cluster.wait(said, f"SpecApplied is False and says {words}")


def resize(cluster, size):
    cluster.spec["size"] = size
    cluster.patch_spec({"size": size})
    cluster.wait(lambda now: now["status"].get("replicas") == size, f"{size} pods")
    cluster.wait_running()
    wait_for(lambda: len(cluster.pods()) == size, 60, "the pods that left are gone")


def since(cluster):
    """When it last began or ceased to be ready and available."""
    now = cluster.get()
    return [condition(now, kind)["lastTransitionTime"] for kind in ("Ready", "Available")]


def test_volumes_grow_under_members_that_run(cluster):
    resize(cluster, 3)
    client = cluster.client()
    client.put("before", "1")
    set_uid = kubectl.get("statefulset", "c", cluster.namespace)["metadata"]["uid"]
    was, had, well = pods(cluster), volumes(cluster), since(cluster)
    cluster.patch_spec({"storage": {"size": "512Mi"}})
    wait_size(cluster, "512Mi")
    cluster.wait_running()
    assert pods(cluster) == was, "no pod was restarted"
    assert since(cluster) == well, "nor did anybody notice that the StatefulSet was away"
    assert [volume for volume, _, _ in volumes(cluster).values()] == \
        [volume for volume, _, _ in had.values()], "they are the same volumes"
    made = kubectl.get("statefulset", "c", cluster.namespace)
    assert made["metadata"]["uid"] != set_uid
    assert client.get("before") == "1"
    for pod in cluster.pods():
        assert pod["metadata"]["ownerReferences"][0]["uid"] == made["metadata"]["uid"]
    assert condition(cluster.get(), "SpecApplied")["status"] == "True"
    check_one_healthy_cluster(cluster)


def test_a_new_member_gets_the_new_size(cluster):
    was = pods(cluster)
    resize(cluster, 5)
    assert capacities(cluster) == ["512Mi"] * 5
    assert {name: seen for name, seen in pods(cluster).items() if name in was} == was
    resize(cluster, 1)


def test_a_smaller_size_is_refused(cluster):
    with pytest.raises(kubectl.KubectlError, match="cannot be made smaller"):
        cluster.patch_spec({"storage": {"size": "256Mi"}})


def test_a_bound_volume_keeps_its_class(cluster):
    cluster.patch_spec({"storage": {"storageClassName": FIXED}})
    held(cluster, FIXED, GROWING, "a volume keeps its class")
    cluster.patch_spec({"storage": {"storageClassName": None}})
    cluster.wait(lambda now: condition(now, "SpecApplied")["status"] == "True", "nothing is held")


def test_what_the_driver_can_never_give(cluster):
    """And the way back."""
    was = pods(cluster)
    cluster.patch_spec({"storage": {"size": "16Ti"}})
    held(cluster, "16Ti is asked for and data-c-0 has 512Mi", "this can never be")
    assert template(cluster)["resources"]["requests"]["storage"] == "512Mi"
    cluster.patch_spec({"storage": {"size": "512Mi"}})
    held(cluster, "set a size above 512Mi")
    cluster.patch_spec({"storage": {"size": "768Mi"}})
    wait_size(cluster, "768Mi")
    cluster.wait_running()
    assert pods(cluster) == was


def test_a_class_that_does_not_grow(namespace, testbed):
    del testbed
    spec = merged(SMALL, {"storage": {"storageClassName": FIXED}})
    cluster = Cluster(namespace, "fixed", 1, spec).create()
    cluster.wait_running()
    was = pods(cluster)
    cluster.patch_spec({"storage": {"size": "512Mi"}})
    held(cluster, "512Mi is asked for and data-fixed-0 has 256Mi",
         f"StorageClass {FIXED} does not allow it", "allowVolumeExpansion")
    cluster.patch_spec({"storage": {"size": "256Mi"}})
    cluster.wait(lambda now: condition(now, "SpecApplied")["status"] == "True", "nothing is held")
    assert pods(cluster) == was and capacities(cluster) == ["256Mi"]


def test_a_wrong_class_is_mended_before_anything_is_bound(namespace, testbed):
    del testbed
    spec = merged(SMALL, {"storage": {"storageClassName": "no-such-class"}})
    cluster = Cluster(namespace, "wrong", 3, spec).create()
    cluster.wait_told("StorageClass no-such-class does not exist", "spec.storage.storageClassName")
    cluster.patch_spec({"storage": {"storageClassName": GROWING}})
    cluster.wait_running()
    assert [name for _, _, name in volumes(cluster).values()] == [GROWING] * 3
    assert template(cluster)["storageClassName"] == GROWING
