"""Changes that restart members: one at a time, the leader last, and never past what is safe."""
import concurrent.futures

import pytest

from harness import kubectl
from harness.cluster import (ETCD_3_5, ETCD_3_6, ETCD_3_7, SMALL, Cluster,
                             check_one_healthy_cluster, condition)
from harness.wait import merged, stays

pytestmark = pytest.mark.side_by_side(minutes=4)

ROLLED_SECONDS = 180
SNAPSHOT_COUNT = 100


@pytest.fixture(scope="module", name="made")
def _made(module_namespace):
    """All at once; each test has its own."""
    return {
        "rolled": Cluster(module_namespace, "rolled", 3).create(),
        "upgraded": Cluster(module_namespace, "upgraded", 3,
                            merged(SMALL, {"version": ETCD_3_5,
                                           "etcd": {"snapshotCount": SNAPSHOT_COUNT}})).create(),
    }


def uids(cluster):
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in cluster.pods()}


def member_ids(cluster):
    return {name: member["ID"] for name, member in cluster.client().members()[1].items()}


def rolled_in_order(cluster, before):
    """The names of the pods in the order in which they were made anew."""
    pods = sorted(cluster.pods(), key=lambda pod: pod["metadata"]["creationTimestamp"])
    assert all(pod["metadata"]["uid"] not in before.values() for pod in pods)
    return [pod["metadata"]["name"] for pod in pods]


def check_disruption(cluster, before, change):
    """Applies the change, and never are two members away at once meanwhile."""
    least = 3
    cluster.patch_spec(change)

    def done(now):
        nonlocal least
        least = min(least, now["status"]["readyReplicas"])
        return now["status"]["phase"] == "Running" and \
            not set(uids(cluster).values()) & set(before.values()) and \
            now["status"]["readyReplicas"] == 3

    cluster.wait(done, "every pod is a new one", ROLLED_SECONDS)
    assert least >= 2


def test_a_changed_option_rolls_the_leader_last(made):
    cluster = made["rolled"]
    check_one_healthy_cluster(cluster)
    before, ids, leader = uids(cluster), member_ids(cluster), cluster.get()["status"]["leaderID"]
    led = next(member["name"] for member in cluster.status()["members"] if member["id"] == leader)
    check_disruption(cluster, before, {"etcd": {"snapshotCount": 5000}})
    check_one_healthy_cluster(cluster)
    assert rolled_in_order(cluster, before)[-1] == led
    assert member_ids(cluster) == ids, "they are the same members"
    assert cluster.client().get("key") == "written"


def test_a_change_that_breaks_members_stops_after_the_first(made):
    cluster = made["rolled"]
    cluster.wait_running()
    before = uids(cluster)
    with pytest.raises(kubectl.KubectlError, match="tag of another version"):
        cluster.patch_spec({"image": "gcr.io/etcd-development/etcd:v3.6.99"})
    cluster.patch_spec({"image": "gcr.io/etcd-development/etcd:no-such-tag"})
    cluster.wait_told("cannot get its image", "no-such-tag", seconds=60)
    stays(lambda: len(set(uids(cluster).values()) & set(before.values())) == 2, 10,
          "a second member was taken away")
    assert condition(cluster.get(), "Available")["status"] == "True"
    cluster.patch_spec({"image": None})
    check_one_healthy_cluster(cluster)
    assert len(set(uids(cluster).values()) & set(before.values())) == 2


def check_waits_for_snapshots(cluster):
    """etcd 3.7 cannot read what 3.5 wrote into the logs: each member takes a snapshot first."""
    cluster.patch_spec({"version": ETCD_3_7})
    cluster.wait_told("spec.version", ETCD_3_7, "what 3.5 wrote", seconds=30)
    client = cluster.client()
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda write: client.put("write", str(write)), range(SNAPSHOT_COUNT + 2)))


def test_one_minor_version_at_a_time(made):
    cluster = made["upgraded"]
    check_one_healthy_cluster(cluster)
    ids, before = member_ids(cluster), uids(cluster)
    cluster.patch_spec({"version": ETCD_3_7})
    cluster.wait_told("spec.version", ETCD_3_7, "3.6", seconds=30)
    assert uids(cluster) == before
    for version in (ETCD_3_6, ETCD_3_7):
        before = uids(cluster)
        if version == ETCD_3_7:
            check_waits_for_snapshots(cluster)
        check_disruption(cluster, before, {"version": version})
        cluster.spec["version"] = version
        check_one_healthy_cluster(cluster)
        assert {member["version"] for member in cluster.status()["members"]} == {version}
    assert member_ids(cluster) == ids
    before = uids(cluster)
    cluster.patch_spec({"version": ETCD_3_6})
    cluster.wait_told("spec.version", "downgrade", seconds=30)
    assert uids(cluster) == before
    cluster.patch_spec({"version": ETCD_3_7})
    check_one_healthy_cluster(cluster)


def test_a_single_member_rolls_too(namespace):
    cluster = Cluster(namespace, "one", 1).create()
    check_one_healthy_cluster(cluster)
    before = uids(cluster)
    cluster.patch_spec({"etcd": {"snapshotCount": 5000}})
    cluster.wait(lambda now: uids(cluster) and uids(cluster) != before, "another pod")
    check_one_healthy_cluster(cluster)
    assert kubectl.get("pdb", "one", namespace) is None
