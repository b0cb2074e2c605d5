"""Members whose data is lost are replaced by new ones, on proof, and nobody else is touched."""
import random
import shutil
import signal
import time

import pytest

from harness import kubectl
from harness.cluster import Cluster, check_one_healthy_cluster, condition
from harness.wait import stays, wait_for

pytestmark = pytest.mark.side_by_side(minutes=2)

HEALED_SECONDS = 120
TOLD_SECONDS = 15  # Of a lost quorum.
SLACK_SECONDS = 3
OWN = ("data", "marker.json")  # What a member has on its volume.
CLUSTERS = ("emptied", "garbage", "replaced", "two-lost", "five")


@pytest.fixture(scope="module", name="made")
def _made(module_namespace):
    """All at once; each test harms its own."""
    return {name: Cluster(module_namespace, name, 5 if name == "five" else 3).create()
            for name in CLUSTERS}


def member_ids(cluster):
    return {name: member["ID"] for name, member in cluster.client().members()[1].items()}


def empty_volume(testbed, cluster, ordinal):
    """rm -rf of its data, and kill -9 of its etcd."""
    process = testbed.etcd_process(cluster.pod(ordinal))
    for entry in testbed.volume(cluster.claim(ordinal)).iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    testbed.signal_process(process, 9)


def spoil_database(testbed, cluster, ordinal):
    """Random bytes all over the database, and kill -9 of its etcd."""
    process = testbed.etcd_process(cluster.pod(ordinal))
    database = testbed.volume(cluster.claim(ordinal)) / "data" / "member" / "snap" / "db"
    with database.open("r+b") as file:
        file.write(random.randbytes(1 << 20))
    testbed.signal_process(process, 9)


def check_replaced(cluster, before, *ordinals):
    """These ordinals are new members, the others the same, and the data is there."""
    names = {cluster.pod_name(ordinal) for ordinal in ordinals}
    client = cluster.client()

    def replaced():
        now = member_ids(cluster)
        return set(now) == set(before) and all((now[name] != before[name]) == (name in names)
                                               for name in now)
    wait_for(replaced, HEALED_SECONDS, f"{names} are new members")
    check_one_healthy_cluster(cluster)
    assert client.get("earlier") == "there"
    assert not any(member.get("isLearner") for member in client.members()[1].values())


@pytest.mark.parametrize("ordinal", [1, 0])
def test_an_emptied_volume(testbed, made, ordinal):
    cluster = made["emptied"]
    check_one_healthy_cluster(cluster)
    cluster.client().put("earlier", "there")
    before, uid = member_ids(cluster), cluster.pod(ordinal)["metadata"]["uid"]
    empty_volume(testbed, cluster, ordinal)
    check_replaced(cluster, before, ordinal)
    assert cluster.pod(ordinal)["metadata"]["uid"] == uid, "the pod need not go for that"


def test_a_spoiled_database(testbed, made):
    """Etcd would panic at it for ever, and the helper can prove that it would."""
    cluster = made["garbage"]
    check_one_healthy_cluster(cluster)
    cluster.client().put("earlier", "there")
    before = member_ids(cluster)
    spoil_database(testbed, cluster, 1)
    check_replaced(cluster, before, 1)
    messages = [event["note"] for event in kubectl.get_list("events.events.k8s.io",
                                                            cluster.namespace)
                if event["regarding"]["name"] == cluster.name and "note" in event]
    assert any("its database cannot be read" in message for message in messages), messages


def test_a_member_that_fails_too_often_is_for_a_person(testbed, made):
    """As spec.recovery says: nobody is replaced any more, until a person says so."""
    cluster = made["garbage"]
    check_one_healthy_cluster(cluster)
    cluster.client().put("earlier", "there")
    cluster.patch_spec({"recovery": {"maxRetries": 1, "retryInterval": "1s"}})
    before = member_ids(cluster)
    empty_volume(testbed, cluster, 2)
    check_replaced(cluster, before, 2)
    recovery = cluster.wait(lambda now: now["status"]["recovery"]["attempts"] == 0,
                            "forgotten when it was whole", 30)["status"]["recovery"]
    assert [item["ordinal"] for item in recovery["replacements"]] == [2]
    cluster.patch_spec({"recovery": {"maxRetries": 0}})
    before = member_ids(cluster)
    empty_volume(testbed, cluster, 2)
    cluster.wait(lambda now: now["status"]["phase"] == "Failed" and
                 "spec.recovery.maxRetries is 0" in now["status"]["message"], "Failed", 60)
    stays(lambda: member_ids(cluster) == before, 5, "it was replaced")
    kubectl.annotate("etcd", cluster.name, cluster.namespace, "etcd.etcd.io/replace-member",
                     f"{before[cluster.pod_name(2)]:016x}")
    check_replaced(cluster, before, 2)


def test_a_volume_and_a_pod_that_are_gone(made):
    cluster = made["replaced"]
    check_one_healthy_cluster(cluster)
    cluster.client().put("earlier", "there")
    before = member_ids(cluster)
    kubectl.delete("pvc", f"data-{cluster.pod_name(2)}", cluster.namespace)
    kubectl.delete("pod", cluster.pod_name(2), cluster.namespace)
    check_replaced(cluster, before, 2)


def test_two_of_five_volumes(testbed, made):
    cluster = made["five"]
    check_one_healthy_cluster(cluster)
    cluster.client().put("earlier", "there")
    before = member_ids(cluster)
    for ordinal in (1, 3):
        empty_volume(testbed, cluster, ordinal)
    check_replaced(cluster, before, 1, 3)


def take_data(testbed, cluster, *ordinals):
    """Their volumes are empty, as far as their members can see; and kill -9 of their etcds. All at one
    moment, or the first would be replaced while the others are a quorum."""
    processes = [testbed.etcd_process(cluster.pod(ordinal)) for ordinal in ordinals]
    volumes = [volume_of(testbed, cluster, ordinal) for ordinal in ordinals]
    for process in processes:
        testbed.signal_process(process, signal.SIGSTOP)
    for volume in volumes:
        for name in OWN:
            (volume / name).rename(volume / f"taken-{name}")
    for process in processes:
        testbed.signal_process(process, signal.SIGKILL)


def give_data_back(testbed, cluster, ordinal):
    volume = volume_of(testbed, cluster, ordinal)
    for name in reversed(OWN):
        (volume / f"taken-{name}").rename(volume / name)


def volume_of(testbed, cluster, ordinal):
    return testbed.volume(cluster.claim(ordinal))


def test_two_of_three_volumes_are_for_a_person(testbed, made):
    """No quorum is left: it is said so, the survivor's data stays, and nothing starts anew.
    When the volumes are back, so is the cluster."""
    cluster = made["two-lost"]
    check_one_healthy_cluster(cluster)
    cluster.client().put("earlier", "there")
    before = member_ids(cluster)
    assert condition(cluster.get(), "QuorumLost")["status"] == "False"
    marker = testbed.volume(cluster.claim(0)) / "data" / "member" / "wal"
    inode = marker.stat().st_ino
    take_data(testbed, cluster, 1, 2)
    lost = time.monotonic()
    now = cluster.wait(lambda now: condition(now, "QuorumLost")["status"] == "True",
                       "QuorumLost", 60)
    took = time.monotonic() - lost
    print(f"\ntwo of three volumes taken: QuorumLost after {took:.1f} s")
    assert took <= TOLD_SECONDS + SLACK_SECONDS
    found = condition(now, "QuorumLost")
    assert found["reason"] == "DataLost"
    for words in (f"{cluster.pod_name(0)} (revision ", "its volume is empty", "restore a backup",
                  cluster.pod_name(1), cluster.pod_name(2)):
        assert words in found["message"], found
    assert now["status"]["phase"] == "Failed"
    assert condition(now, "Available")["status"] == "False"
    assert condition(now, "Degraded")["reason"] == "QuorumLost"
    assert cluster.pod_name(0) in now["status"]["message"]
    stays(lambda: marker.stat().st_ino == inode and
          not any(kubectl.container_status(cluster.pod(i))[1]["ready"] for i in (1, 2)), 10,
          "something was touched")
    for ordinal in (1, 2):
        give_data_back(testbed, cluster, ordinal)
    check_one_healthy_cluster(cluster)
    cluster.wait(lambda now: condition(now, "QuorumLost")["status"] == "False", "a quorum", 30)
    # With the first of them back a quorum serves, and whoever is still looked at may be replaced.
    now = member_ids(cluster)
    assert now[cluster.pod_name(0)] == before[cluster.pod_name(0)]
    assert sum(now[name] != before[name] for name in before) <= 1
    assert cluster.client().get("earlier") == "there"
