"""Nodes that lose their power, and networks that lose packets."""
import pytest

from harness import faults, kubectl
from harness.cluster import condition
from harness.wait import NotYet, wait_for

# Longer than it takes the controller manager to call a node lost.
LOST_SECONDS = 15


def node_of(cluster, ordinal):
    return cluster.pod(ordinal)["spec"]["nodeName"]


def wait_node_ready(name, seconds=90):
    def ready():
        node = kubectl.get("node", name)
        conditions = node["status"].get("conditions", []) if node else []
        if not any(one["type"] == "Ready" and one["status"] == "True" for one in conditions):
            raise NotYet(str(conditions))
        return True
    wait_for(ready, seconds, f"node {name} is Ready")


@pytest.mark.parametrize("role", ["leader", "follower"])
def test_a_node_loses_its_power_and_comes_back(testbed, load, role):
    node = node_of(load.cluster, getattr(load, role)())
    with load.fault(f"node of the {role} switched off, 15 s, on"):
        with faults.power_cut(testbed, node):
            load.hold(LOST_SECONDS)
        wait_node_ready(node)


NETWORK = {
    "partitioned": faults.partitioned,
    "deaf": faults.deaf,
    "mute": faults.mute,
}


@pytest.mark.parametrize("kind, role", [
    pytest.param("partitioned", "leader", marks=pytest.mark.short),
    ("partitioned", "follower"), ("deaf", "leader"), ("deaf", "follower"), ("mute", "leader"),
    ("mute", "follower")])
def test_a_node_is_partitioned(testbed, load, kind, role):
    node = node_of(load.cluster, getattr(load, role)())
    with load.fault(f"node of the {role} {kind}, 15 s"):
        with NETWORK[kind](testbed, node):
            load.hold(LOST_SECONDS)
        wait_node_ready(node)


def test_a_network_loses_packets(testbed, load):
    node = node_of(load.cluster, load.leader())
    with load.fault("leader's node loses 5 % of packets each way, 20 s"):
        with faults.lossy(testbed, node, 5):
            load.hold(20)


def test_a_network_is_slow(testbed, load):
    del testbed
    node = node_of(load.cluster, load.leader())
    with load.fault("leader's node 50 ms slower each way, 20 s"):
        with faults.slow(node, 50):
            load.hold(20)


def test_a_network_is_slow_and_loses_packets(testbed, load):
    node = node_of(load.cluster, load.follower())
    with load.fault("a follower's node 50 ms slower and 5 % of packets lost, each way, 20 s"):
        with faults.slow(node, 50), faults.lossy(testbed, node, 5):
            load.hold(20)


def test_a_kubelet_hangs(testbed, load):
    node = node_of(load.cluster, load.leader())
    with load.fault("kubelet of the leader frozen, 20 s"):
        with faults.kubelet_frozen(testbed, node):
            load.hold(20)
        wait_node_ready(node)


def test_a_node_is_gone_for_good(testbed, load):
    """Its Node object is deleted, as a cloud's controller does: its member comes back elsewhere."""
    ordinal = load.follower()
    node, uid = node_of(load.cluster, ordinal), load.cluster.pod(ordinal)["metadata"]["uid"]
    try:
        with load.fault("node of a follower gone for good", seconds=180):
            testbed.node("stop", node)
            kubectl.delete("node", node)
            faults.another_pod(load.cluster, ordinal, uid, seconds=120)
    finally:
        testbed.node("start", node)
        wait_node_ready(node)


TAINT = "node.kubernetes.io/out-of-service"


def test_a_node_is_out_of_service(testbed, load):
    """Tainted so by a person: its pod ends, and the new one waits for the volume that is on the node's
    disks. That is no proof that the data is gone: the member is the same when the node comes back."""
    ordinal = load.leader()
    cluster = load.cluster
    node, uid = node_of(cluster, ordinal), cluster.pod(ordinal)["metadata"]["uid"]
    member = load.writer.state()["members"][cluster.pod_name(ordinal)]["id"]
    with load.fault("node of the leader off and tainted out-of-service, then back", seconds=180):
        try:
            testbed.node("stop", node)
            kubectl.run("taint", "node", node, f"{TAINT}=nodeshutdown:NoExecute")
            faults.another_pod(cluster, ordinal, uid, seconds=120)
            cluster.wait(lambda now: condition(now, "Degraded")["reason"] == "Unschedulable",
                         "a status that says what the new pod waits for", 60)
            load.hold(LOST_SECONDS)
        finally:
            testbed.node("start", node)
            kubectl.run("taint", "node", node, f"{TAINT}-")
            wait_node_ready(node)
    assert load.writer.state()["members"][cluster.pod_name(ordinal)]["id"] == member
