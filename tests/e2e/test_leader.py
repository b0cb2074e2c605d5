"""Two replicas: one leads, the other stands by; whatever happens to the first one, never do both
change anything."""
import signal
import time

import pytest

from harness import kubectl
from harness.cluster import STOP, Cluster, check_one_healthy_cluster
from harness.operator import NAME, NAMESPACE, USER
from harness.testbed import timestamp
from harness.wait import NotYet, wait_for

TAKEOVER_SECONDS = 20
# Longer than the Lease lasts, shorter than the liveness probe's patience.
STOPPED_SECONDS = 20
WRITES = {"create", "update", "patch", "delete", "deletecollection"}


@pytest.fixture(scope="module", name="scaled")
def _scaled(operator):
    """One replica again afterwards."""
    operator.scale(2)
    yield operator
    operator.scale(1)
    wait_for(lambda: len(operator.pods()) == 1, 60, "one replica is left")
    operator.wait_ready()
    operator.leader()


@pytest.fixture(name="two")
def _two(scaled):
    """The operator with two replicas that are ready; one of them leads."""
    wait_for(lambda: len(ready_pods(scaled)) == len(scaled.pods()) == 2, 60,
             "two replicas are ready")
    scaled.leader()
    return scaled


def ready_pods(operator):
    return [pod for pod in operator.pods() if "deletionTimestamp" not in pod["metadata"] and
            kubectl.container_status(pod)[1].get("ready")]


def standby(operator):
    leader = operator.leader()
    return next(pod for pod in ready_pods(operator)
                if pod["metadata"]["uid"] != leader["metadata"]["uid"])


def readyz(operator, pod):
    return operator.fetch(8081, "/readyz", pod).strip()


def uid_of(pod):
    return pod["metadata"]["uid"]


def changes(testbed, pod, start):
    """What this pod changed, but for its Lease, in the audit log after the offset `start`."""
    return [event for event in testbed.audit_events(USER, start)
            if event["verb"] in WRITES and event["objectRef"]["resource"] != "leases" and
            event["user"].get("extra", {}).get("authentication.kubernetes.io/pod-uid") ==
            [uid_of(pod)]]


def told(events):
    return [(event["requestReceivedTimestamp"], event["verb"], event["requestURI"])
            for event in events]


def test_one_of_two_leads(two, namespace, testbed_or_none):
    leader, other = two.leader(), standby(two)
    start = testbed_or_none.audit_end() if testbed_or_none else 0
    check_one_healthy_cluster(Cluster(namespace, size=1).create())
    assert readyz(two, leader) == "ok"
    assert readyz(two, other) == "standby"
    assert two.metrics(leader)["etcd_operator_leader"] == 1
    assert two.metrics(other)["etcd_operator_leader"] == 0
    assert two.metrics(other)['etcd_operator_reconcile_total{result="success"}'] == 0
    if testbed_or_none:
        assert changes(testbed_or_none, leader, start)
        assert not told(changes(testbed_or_none, other, start))


def test_a_deleted_leader_hands_over(two, namespace):
    """It gives the Lease back: nobody waits for its end."""
    leader, cluster = two.leader(), Cluster(namespace, size=3).create()
    began = time.monotonic()
    kubectl.delete("pod", leader["metadata"]["name"], NAMESPACE)
    two.leader(but=leader, seconds=TAKEOVER_SECONDS)
    took = time.monotonic() - began
    print(f"\ndeleted: another one leads after {took:.2f} s")
    assert took < 10
    check_one_healthy_cluster(cluster)


def test_a_killed_leader_is_replaced(testbed, two, namespace):
    """Its pod and its process end at once, in the midst of work: the Lease is not given back."""
    leader, cluster = two.leader(), Cluster(namespace, size=3).create()
    transitions = two.lease()["leaseTransitions"]
    process = testbed.process(leader, NAME)
    testbed.signal_process(process, signal.SIGSTOP)
    began = time.monotonic()
    kubectl.delete("pod", leader["metadata"]["name"], NAMESPACE, force=True)
    testbed.signal_process(process, signal.SIGKILL)
    two.leader(but=leader, seconds=TAKEOVER_SECONDS)
    took = time.monotonic() - began
    print(f"\nkilled: another one leads after {took:.2f} s")
    assert took > 5, "it was given back"
    assert two.lease()["leaseTransitions"] == transitions + 1
    check_one_healthy_cluster(cluster)


def test_a_restarted_container_goes_on(testbed, two, namespace):
    """kill -9 of the process: its pod is the same, and need not wait for its own Lease."""
    leader, cluster = two.leader(), Cluster(namespace, size=3).create()
    before = two.lease()
    testbed.signal_process(testbed.process(leader, NAME), signal.SIGKILL)

    def leads_again():
        pod = kubectl.get("pod", leader["metadata"]["name"], NAMESPACE)
        if not kubectl.container_status(pod)[0] or not kubectl.container_status(pod)[1]["ready"]:
            raise NotYet("not restarted yet")
        return readyz(two, pod) == "ok"
    wait_for(leads_again, TAKEOVER_SECONDS, "the same pod leads")
    after = two.lease()
    assert after["holderIdentity"] == before["holderIdentity"] == uid_of(leader)
    assert after["leaseTransitions"] == before["leaseTransitions"]
    check_one_healthy_cluster(cluster)


def ended(pod_name, restarts):
    """How the process of this pod ended that ran when it had restarted so often; False: it runs."""
    pod = kubectl.get("pod", pod_name, NAMESPACE)
    count, status = kubectl.container_status(pod)
    return count > restarts and status.get("lastState", {}).get("terminated")


@pytest.mark.parametrize("cut", [False, True], ids=["connected", "cut off"])
def test_a_stopped_leader_changes_nothing_afterwards(testbed, two, namespace, cut):
    """It stops in the midst of an action, another one takes over, and it goes on. With its
    connections cut meanwhile, its next request would be sent again on a new one."""
    leader = two.leader()
    name = leader["metadata"]["name"]
    start, process = testbed.audit_end(), testbed.process(leader, NAME)
    restarts = kubectl.container_status(leader)[0]
    cluster = Cluster(namespace, size=3, annotations={STOP: f"object-applied@{name}"}).create()
    testbed.stop_at_stop_point(process, 30)
    stopped = time.monotonic()
    try:
        assert changes(testbed, leader, start), "it was at work"
        two.leader(but=leader, seconds=TAKEOVER_SECONDS)
        took = time.monotonic() - stopped
        if cut:
            assert testbed.cut_connections(process, 443) > 0
        wait_for(lambda: time.monotonic() - stopped >= STOPPED_SECONDS, STOPPED_SECONDS,
                 "it was stopped for long")
        assert ended(name, restarts) is False, "it is still the stopped process"
        woken, woken_at = testbed.audit_end(), timestamp()
    finally:
        testbed.signal_process(process, signal.SIGCONT)
    end = wait_for(lambda: ended(name, restarts), 15, "it ended and was started again")
    check_one_healthy_cluster(cluster)
    print(f"\nstopped: another one leads after {took:.2f} s; woken at {woken_at}, "
          f"ended with {end['exitCode']} at {end['finishedAt']}")
    assert end["exitCode"] == 1, end
    assert "leadership lost" in kubectl.run("logs", "--previous", name, namespace=NAMESPACE)
    assert told(changes(testbed, leader, woken)) == []
    assert uid_of(two.leader()) != uid_of(leader)
