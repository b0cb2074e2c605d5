"""Pods and processes that end."""
import pytest

from harness import faults


def test_a_pod_is_deleted(load):
    with load.fault("pod deleted (follower)"):
        faults.delete_pod(load.cluster, load.follower())


@pytest.mark.short
def test_the_leaders_pod_is_deleted(load):
    with load.fault("leader's pod deleted, grace 0"):
        faults.delete_pod(load.cluster, load.leader(), force=True)


@pytest.mark.short
def test_etcd_is_killed(testbed, load):
    with load.fault("etcd of the leader killed -9"):
        faults.kill_etcd(testbed, load.cluster, load.leader())


@pytest.mark.short
def test_a_lost_write_is_noticed(load):
    """The tests' own proof can fail: a key is taken away behind the writer's back."""
    load.writer.wait_steady()
    load.cluster.client().etcdctl("del", "chaos/0/00000003")
    verified = load.writer.stop()["verified"]
    assert verified["lost"] == 1 and "chaos/0/00000003" in verified["examples"][0]
