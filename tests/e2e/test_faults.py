"""What goes wrong by itself: pods, processes, nodes and the API server that end or hang."""
import contextlib
import signal
import time

import pytest

from harness import kubectl
from harness.cluster import (RUNNING_SECONDS, SMALL, Cluster, check_one_healthy_cluster, condition,
                             is_running, not_ready)
from harness.kubectl import Watch
from harness.wait import merged, stays, wait_for

# What the API asks for, and room for a slow machine.
KILL_SHOWS_SECONDS = 2
SLACK_SECONDS = 1
INTERVAL_SECONDS, TIMEOUT_SECONDS = 2, 1


@pytest.fixture(scope="module", name="cluster")
def _cluster(module_namespace):
    """Each test leaves it healthy."""
    health_check = {"interval": f"{INTERVAL_SECONDS}s", "timeout": f"{TIMEOUT_SECONDS}s"}
    return Cluster(module_namespace, "c", 3, merged(SMALL, {"healthCheck": health_check})).create()


@pytest.fixture(name="quiet_node")
def _quiet_node(testbed, operator, cluster):
    """(node, ordinal) of a member on a node without the operator; the node is well afterwards."""
    cluster.wait_running()
    busy = operator.wait_ready()["spec"]["nodeName"]
    pod = next(pod for pod in cluster.pods() if pod["spec"]["nodeName"] != busy)
    name = pod["spec"]["nodeName"]
    yield name, int(pod["metadata"]["name"].rpartition("-")[2])
    testbed.node("start", name)


def node_is_ready(name):
    conditions = kubectl.get("node", name)["status"]["conditions"]
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


@contextlib.contextmanager
def stopped(testbed, pods):
    """Their etcds hang meanwhile."""
    processes = [testbed.etcd_process(pod) for pod in pods]
    try:
        for process in processes:
            testbed.signal_process(process, signal.SIGSTOP)
        yield
    finally:
        for process in processes:
            testbed.signal_process(process, signal.SIGCONT)


def test_a_deleted_pod_comes_back(cluster):
    before = cluster.wait_running()
    cluster.client().put("key", "before")
    uid = cluster.pod(1)["metadata"]["uid"]
    kubectl.delete("pod", cluster.pod_name(1), cluster.namespace)
    wait_for(lambda: (cluster.pod(1) or {}).get("metadata", {}).get("uid", uid) != uid, 60,
             "another pod of the same name")
    after = cluster.wait_running()
    assert cluster.client().get("key") == "before"
    assert [member["id"] for member in after["status"]["members"]] == \
        [member["id"] for member in before["status"]["members"]]


@pytest.mark.parametrize("ordinal", [0, 1, 2])
def test_a_killed_etcd_shows_within_two_seconds(testbed, cluster, ordinal):
    cluster.wait_running()
    name = cluster.pod_name(ordinal)
    process = testbed.etcd_process(cluster.pod(ordinal))
    with Watch("etcd", cluster.name, cluster.namespace) as watch:
        killed = time.monotonic()
        testbed.signal_process(process, signal.SIGKILL)
        shown, _ = watch.wait(lambda now: not_ready(now, name), 15, f"{name} is not ready", killed)
        running, _ = watch.wait(is_running, 60, "Running again", shown)
    print(f"\nkill -9 of etcd in {name}: in the status after {shown - killed:.2f} s, "
          f"Running again after {running - killed:.2f} s")
    assert shown - killed <= KILL_SHOWS_SECONDS + SLACK_SECONDS


def test_a_hanging_etcd_shows_within_interval_and_timeout(testbed, cluster):
    cluster.wait_running()
    name = cluster.pod_name(2)
    with Watch("etcd", cluster.name, cluster.namespace) as watch:
        with stopped(testbed, [cluster.pod(2)]):
            began = time.monotonic()
            shown, now = watch.wait(lambda now: not_ready(now, name), 20, f"{name} is not ready",
                                    began)
            took = shown - began
            cluster.wait_told(f"{name} does not answer")
            assert condition(cluster.get(), "Available")["status"] == "True", "two still serve"
            wait_for(lambda: cluster.client().can_write("while one hangs"), 30, "they take writes")
        went_on = time.monotonic()
        healthy, now = watch.wait(is_running, 30, "Running again", went_on)
    print(f"\nSIGSTOP of etcd in {name}: in the status after {took:.2f} s; "
          f"SIGCONT: Running again after {healthy - went_on:.2f} s")
    assert took <= INTERVAL_SECONDS + TIMEOUT_SECONDS + SLACK_SECONDS
    assert now["status"]["message"] == ""


def test_a_lost_quorum_shows_and_comes_back(testbed, cluster):
    cluster.wait_running()
    with stopped(testbed, [cluster.pod(1), cluster.pod(2)]):
        now = cluster.wait(lambda now: now["status"]["phase"] == "Failed", "Failed")
        cluster.wait(lambda now: condition(now, "Available").get("status") == "False",
                     "not available")
        assert now["status"]["message"]
    check_one_healthy_cluster(cluster)


def test_a_partitioned_node_heals(testbed, cluster, quiet_node):
    node, ordinal = quiet_node
    client = cluster.client(avoid=node)
    before = client.members()[1]
    testbed.node("partition", node)
    try:
        cluster.wait(lambda now: not_ready(now, cluster.pod_name(ordinal)), "the member is lost", 30)
        wait_for(lambda: client.can_write("apart"), 60, "writes go on")
    finally:
        testbed.node("heal", node)
    cluster.wait_running()
    assert client.members()[1] == before
    assert client.get("probe") == "apart"


def test_a_power_cut_of_a_node(testbed, cluster, quiet_node):
    node, ordinal = quiet_node
    before = cluster.client(avoid=node).members()[1]
    uid = cluster.pod(ordinal)["metadata"]["uid"]
    testbed.node("stop", node)
    cluster.wait(lambda now: not_ready(now, cluster.pod_name(ordinal)), "the member is lost", 30)
    testbed.node("start", node)
    wait_for(lambda: node_is_ready(node), 60, f"node {node} is Ready")
    check_one_healthy_cluster(cluster)
    assert cluster.client().members()[1] == before
    assert cluster.pod(ordinal)["metadata"]["uid"] == uid, "the very pod came back"


def test_the_api_server_restarts_during_a_creation(testbed, operator, cluster, namespace):
    running = cluster.wait_running()
    fresh = Cluster(namespace, size=3).create()
    testbed.restart_api_server()
    fresh.wait_running(RUNNING_SECONDS)
    check_one_healthy_cluster(fresh)
    check_one_healthy_cluster(cluster)
    assert cluster.status()["clusterID"] == running["status"]["clusterID"]
    operator.wait_ready()


# Nodes that take no pods.

@contextlib.contextmanager
def cordoned(*nodes):
    try:
        for node in nodes:
            kubectl.run("cordon", node)
        yield
    finally:
        for node in nodes:
            kubectl.run("uncordon", node)


def test_a_member_of_a_cordoned_node_is_not_gone(cluster):
    """Its volume is out of reach and comes back: nothing is replaced."""
    check_one_healthy_cluster(cluster)
    before, pod = cluster.client().members()[1], cluster.pod(0)
    claim = cluster.claim(0)["metadata"]["uid"]
    with cordoned(pod["spec"]["nodeName"]):
        kubectl.delete("pod", cluster.pod_name(0), cluster.namespace)
        cluster.wait_told(cluster.pod_name(0), "cannot be scheduled")
        stays(lambda: cluster.client().members()[1] == before and
              cluster.claim(0)["metadata"]["uid"] == claim, 5, "the member was replaced")
    check_one_healthy_cluster(cluster)
    assert cluster.client().members()[1] == before


def test_a_member_that_cannot_be_scheduled_does_not_join(cluster):
    """It weighs on nothing, and the way back is open."""
    check_one_healthy_cluster(cluster)
    with cordoned(*(node["metadata"]["name"] for node in kubectl.get_list("nodes"))):
        cluster.scale(5)
        cluster.wait_told("cannot be scheduled")
        assert len(cluster.client().members()[1]) == 3, "etcd has not been told of it"
        assert condition(cluster.get(), "Available")["status"] == "True"
        cluster.scale(3)
        check_one_healthy_cluster(cluster)
        wait_for(lambda: not cluster.claim(3) and not cluster.pod(3), 60, "nothing is left of it")
