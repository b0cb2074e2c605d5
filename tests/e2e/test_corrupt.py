"""Members whose data differs from the others': replaced on proof, whoever is blamed.

Data is altered in the database file of a running etcd, which maps it: pages have no checksums."""
import json
import signal

import pytest

from harness import kubectl
from harness.cluster import SMALL, Cluster, check_one_healthy_cluster, condition
from harness.wait import NotYet, merged, stays, wait_for

pytestmark = pytest.mark.side_by_side(minutes=2)

HEALED_SECONDS = 120
GOOD = "a-value-that-is-good"
OFTEN = {"healthCheck": {"interval": "2s", "hashInterval": "5s"}}
# Nobody looks but etcd itself: its leader compares, and blames whoever differs from the leader.
ETCD_LOOKS = {"healthCheck": {"interval": "2s", "hashInterval": "0s"},
              "etcd": {"extraArgs": [{"name": "corrupt-check-time", "value": "3s"}]}}


@pytest.fixture(scope="module", name="made")
def _made(module_namespace):
    """All at once; each test harms its own."""
    return {name: Cluster(module_namespace, name, 3, merged(SMALL, spec)).create()
            for name, spec in (("compared", OFTEN), ("alarmed", ETCD_LOOKS), ("split", OFTEN))}


def prepare(cluster):
    check_one_healthy_cluster(cluster)
    cluster.client().put("good", GOOD)
    return member_ids(cluster)


def member_ids(cluster):
    return {name: member["ID"] for name, member in cluster.client().members()[1].items()}


def leader_of(cluster):
    return cluster.wait(lambda now: [member for member in now["status"]["members"]
                                     if member["role"] == "leader"],
                        "a leader")["status"]["members"].index(
        next(member for member in cluster.status()["members"] if member["role"] == "leader"))


def alter(testbed, cluster, ordinal, letter):
    """The value in the member's file, wherever it stands."""
    good = GOOD.encode()
    path = testbed.volume(cluster.claim(ordinal)) / "data/member/snap/db"

    def found():
        return path.read_bytes().count(good)
    wait_for(found, 10, "the value is in the file")
    data, at = path.read_bytes(), -1
    with path.open("r+b") as file:
        while (at := data.find(good, at + 1)) >= 0:
            file.seek(at)
            file.write(letter * len(good))


def check_replaced(cluster, before, ordinal):
    name = cluster.pod_name(ordinal)

    def replaced():
        try:
            now = member_ids(cluster)
        except kubectl.KubectlError as error:  # With the alarm no member is ready: nobody is there.
            raise NotYet(str(error)) from error
        return set(now) == set(before) and all((now[key] != before[key]) == (key == name)
                                               for key in now)
    wait_for(replaced, HEALED_SECONDS, f"{name} is a new member, and nobody else is", interval=1)
    check_one_healthy_cluster(cluster)
    for endpoint in cluster.status()["clientEndpoints"][1:]:
        told = cluster.client().etcdctl("get", "good", "--print-value-only", "--consistency=s",
                                        endpoints=[endpoint])
        assert told.strip() == GOOD
    assert not json.loads(cluster.client().etcdctl("alarm", "list", "-w", "json")).get("alarms")


@pytest.mark.parametrize("role", ["follower", "leader"])
def test_a_difference_is_found(testbed, made, role):
    cluster = made["compared"]
    before = prepare(cluster)
    leader = leader_of(cluster)
    harmed = leader if role == "leader" else (leader + 1) % 3
    alter(testbed, cluster, harmed, b"x")
    check_replaced(cluster, before, harmed)


def test_a_member_that_does_not_start_for_it(testbed, made):
    """Etcd compares at its start, too, and then ends."""
    cluster = made["compared"]
    before = prepare(cluster)
    harmed = (leader_of(cluster) + 1) % 3
    process = testbed.etcd_process(cluster.pod(harmed))
    testbed.signal_process(process, signal.SIGSTOP)
    alter(testbed, cluster, harmed, b"x")
    testbed.signal_process(process, signal.SIGKILL)
    check_replaced(cluster, before, harmed)


@pytest.mark.parametrize("role", ["follower", "leader"])
def test_the_alarm_blames_whom_it_may(testbed, made, role):
    cluster = made["alarmed"]
    before = prepare(cluster)
    leader = leader_of(cluster)
    harmed = leader if role == "leader" else (leader + 1) % 3
    alter(testbed, cluster, harmed, b"x")
    check_replaced(cluster, before, harmed)


def test_no_majority_is_for_a_person(testbed, made):
    cluster = made["split"]
    before = prepare(cluster)
    processes = [testbed.etcd_process(cluster.pod(i)) for i in (0, 1)]
    for process in processes:
        testbed.signal_process(process, signal.SIGSTOP)
    alter(testbed, cluster, 0, b"x")
    alter(testbed, cluster, 1, b"y")
    for process in processes:
        testbed.signal_process(process, signal.SIGCONT)
    now = cluster.wait(lambda now: condition(now, "Degraded").get("reason") == "Corrupt", "Corrupt")
    assert now["status"]["phase"] == "Failed"
    assert "no majority agrees" in now["status"]["message"]
    stays(lambda: member_ids(cluster) == before, 10, "a member was touched")
