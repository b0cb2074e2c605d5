"""What members do not need to serve: the operator, the API server, the DNS, a kubelet."""
import random
import time

import pytest

from harness import faults, kubectl
from harness.cluster import condition
from harness.operator import NAME, USER
from harness.wait import NotYet, wait_for

KILLS = 6
API_SERVER_SECONDS = 60
CUT_OFF_SECONDS = 20
CUT_OFF_SHOWS_SECONDS = 90


def touched(testbed, start):
    """What the operator changed in earnest: not Leases, events and the status."""
    return [(event["requestReceivedTimestamp"], event["verb"], event["requestURI"])
            for event in testbed.changes(USER, start)
            if event["objectRef"]["resource"] != "events" and
            event["objectRef"].get("subresource") != "status"]


def test_the_operator_is_killed_at_random_moments(testbed, operator, load):
    """While pods of members come back."""
    with load.fault(f"operator killed -9 {KILLS} times, a member's pod deleted each time", 180):
        for number in range(KILLS):
            faults.delete_pod(load.cluster, number % load.cluster.size())
            time.sleep(random.uniform(0, 2))  # The moment is the point.
            testbed.signal_process(testbed.process(operator.wait_ready(), NAME), 9)
            load.writer.wait_steady(90, writes=50)
        operator.wait_ready()


def test_the_operator_alone_is_cut_off_from_the_members(testbed, operator, load):
    with load.fault("operator cut off from the members until it says so, and 20 s"):
        members = load.writer.state()["memberships"][-1]["members"]
        with faults.operator_cut_off(testbed, operator):
            start = testbed.audit_end()
            load.cluster.wait(lambda now: now["status"]["phase"] == "Failed" and
                              condition(now, "Degraded")["reason"] == "MembersUnreachable",
                              "a status that says so", CUT_OFF_SHOWS_SECONDS)
            load.hold(CUT_OFF_SECONDS)
            assert touched(testbed, start) == []
            assert load.writer.state()["memberships"][-1]["members"] == members


@pytest.mark.parametrize("kill", [False, True], ids=["alone", "leader killed"])
def test_the_api_server_is_away_for_a_minute(testbed, operator, load, kill):
    """A kubelet starts a container again without it."""
    process = testbed.etcd_process(load.cluster.pod(load.leader()))
    name = "API server stopped, 60 s" + (", leader's etcd killed meanwhile" if kill else "")
    with load.fault(name):
        with testbed.api_server_stopped():
            if kill:
                load.hold(API_SERVER_SECONDS / 2)
                testbed.signal_process(process, 9)
                load.writer.wait_steady(30)
            load.hold(API_SERVER_SECONDS / (2 if kill else 1))
        operator.wait_ready()


@pytest.fixture
def dns_stopped():
    """A function that stops it; it runs again afterwards."""
    def choose(selector):
        kubectl.patch("daemonset", "coredns", {"spec": {"template": {"spec": {
            "nodeSelector": selector}}}}, "kube-system")

    def pods():
        return kubectl.get_list("pods", "kube-system", "k8s-app=kube-dns")

    def stop():
        choose({"nowhere": "true"})
        wait_for(lambda: not pods(), 60, "no pod of CoreDNS is left")

    def start():
        choose(None)

        def ready():
            now = pods()
            if not now or not all(kubectl.container_status(pod)[1].get("ready") for pod in now):
                raise NotYet(f"{len(now)} pods of CoreDNS")
            return True
        wait_for(ready, 60, "CoreDNS is ready")
    assert pods(), "CoreDNS has another label here"
    yield stop, start
    start()


def test_names_do_not_resolve(testbed, load, dns_stopped):
    """Peers dial each other by name: one that is killed meanwhile comes back when the DNS does."""
    stop, start = dns_stopped
    with load.fault("DNS stopped 20 s, a follower's etcd killed meanwhile"):
        stop()
        load.hold(5)
        faults.kill_etcd(testbed, load.cluster, load.follower())
        load.hold(15)
        start()


def test_two_faults_at_once(testbed, load):
    """The leader's etcd ends while its kubelet hangs: nobody starts it before the kubelet goes on."""
    leader = load.leader()
    node = load.cluster.pod(leader)["spec"]["nodeName"]
    process = testbed.etcd_process(load.cluster.pod(leader))
    with load.fault("leader's etcd killed and its kubelet frozen, 15 s"):
        with faults.kubelet_frozen(testbed, node):
            testbed.signal_process(process, 9)
            load.hold(15)


def test_a_pod_and_the_operator_at_once(testbed, operator, load):
    with load.fault("leader's pod deleted and operator killed -9"):
        testbed.signal_process(testbed.process(operator.wait_ready(), NAME), 9)
        faults.delete_pod(load.cluster, load.leader(), force=True)
        operator.wait_ready()
