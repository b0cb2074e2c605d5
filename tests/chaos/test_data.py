"""Data that is lost or spoilt, and data that must be left alone."""
import os
import re

import pytest

from harness import faults, kubectl
from harness.cluster import condition
from harness.operator import USER
from harness.wait import NotYet, wait_for

CGROUPS = "/sys/fs/cgroup/memory/etcd-testbed"


def member_id(load, ordinal):
    return load.writer.state()["members"][load.cluster.pod_name(ordinal)]["id"]


def ids(load):
    return {ordinal: member_id(load, ordinal) for ordinal in range(load.cluster.size())}


# What is not proof of lost data leaves it alone.

class Untouched:
    """The data of a member, its id, and the objects that hold both."""

    def __init__(self, testbed, load, ordinal):
        self.testbed, self.load, self.ordinal = testbed, load, ordinal
        self.folder = faults.data_folder(testbed, load.cluster, ordinal)
        self.inode = self.folder.stat().st_ino
        self.ids = ids(load)
        self.start = testbed.audit_end()

    def check(self):
        assert self.folder.stat().st_ino == self.inode
        assert ids(self.load) == self.ids
        deleted = [event["requestURI"] for event in self.testbed.changes(USER, self.start)
                   if event["verb"] == "delete"]
        assert not deleted


@pytest.fixture
def memory_limit():
    """A function that sets the limit of a pod's memory on this machine; set back afterwards."""
    found = {}

    def limit(pod, size):
        folder = next(path for path, _, _ in os.walk(f"{CGROUPS}/{pod['spec']['nodeName']}")
                      if path.endswith(f"pod{pod['metadata']['uid']}"))
        file = f"{folder}/memory.limit_in_bytes"
        with open(file, encoding="utf-8") as now:
            found.setdefault(file, now.read().strip())

        def taken():
            with open(file, "w", encoding="utf-8") as setting:
                setting.write(str(size))
            return True
        wait_for(lambda: attempt(taken), 20, f"{file} takes {size}", interval=0.05)

    yield limit
    for file, size in found.items():
        if os.path.exists(file):
            with open(file, "w", encoding="utf-8") as setting:
                setting.write(size)


def attempt(action):
    try:
        return action()
    except OSError as error:  # More than that is in use.
        raise NotYet(str(error)) from error


def test_memory_is_too_small(testbed, load, memory_limit):
    ordinal = load.follower()
    cluster = load.cluster
    with load.fault("memory limit too small for a follower"):
        untouched = Untouched(testbed, load, ordinal)
        pod = cluster.pod(ordinal)
        restarts = kubectl.container_status(pod)[0]
        with faults.etcd_stopped(testbed, cluster, ordinal):
            memory_limit(pod, 12 << 20)

        def killed_again():
            count, status = kubectl.container_status(cluster.pod(ordinal))
            ended = status.get("lastState", {}).get("terminated", {})
            if count < restarts + 3:
                raise NotYet(f"{count - restarts} restarts; {ended}")
            return ended
        ended = wait_for(killed_again, 90, "it was killed again and again")
        assert ended["reason"] == "OOMKilled", ended
        load.hold(5)
        untouched.check()
        memory_limit(pod, -1)
    untouched.check()


@pytest.fixture
def small_disk(testbed):
    """A function that moves a member's data to a small disk: a tmpfs over the volume's mount."""
    def move(cluster, ordinal, size):
        with faults.volume_covered(testbed, cluster, ordinal) as (node, volume, target):
            testbed.node_exec(node, "sh", "-euc", f"""
                mount -t tmpfs -o size={size} tmpfs {target}
                cp -a {volume}/. {target}/
                chown --reference={volume} {target}; chmod --reference={volume} {target}""")
        return node, target
    return move


def test_a_disk_is_full(testbed, load, small_disk):
    ordinal = load.follower()
    cluster = load.cluster
    with load.fault("disk of a follower full, then space again"):
        before = ids(load)
        node, target = small_disk(cluster, ordinal, "160m")
        load.writer.wait_steady()
        restarts = kubectl.container_status(cluster.pod(ordinal))[0]
        inode = inode_of(testbed, node, target)
        start = testbed.audit_end()
        testbed.node_exec(node, "sh", "-c", f"cat /dev/zero >{target}/filler; test -s {target}/filler")
        wait_for(lambda: kubectl.container_status(cluster.pod(ordinal))[0] > restarts, 120,
                 "etcd ends for want of space")
        load.hold(15)
        assert inode_of(testbed, node, target) == inode
        assert ids(load) == before
        assert not [event["requestURI"] for event in testbed.changes(USER, start)
                    if event["verb"] == "delete"]
        testbed.node_exec(node, "rm", f"{target}/filler")
    assert ids(load) == before
    assert inode_of(testbed, node, target) == inode


def inode_of(testbed, node, target):
    return testbed.node_exec(node, "sh", "-c", f"stat -c %i {target}/data/member").strip()


# What is proof of it: the member is replaced.

def check_replaced(load, before, *ordinals):
    after = ids(load)
    for ordinal, old in before.items():
        assert (after[ordinal] != old) == (ordinal in ordinals), \
            f"member {ordinal}: {old} before, {after[ordinal]} after"


@pytest.mark.short
def test_a_volume_is_wiped(testbed, load):
    ordinal = load.follower()
    with load.fault("volume wiped and etcd killed"):
        before = ids(load)
        faults.wipe_volumes(testbed, load.cluster, ordinal)
    check_replaced(load, before, ordinal)


def test_a_claim_and_its_pod_are_deleted(load):
    ordinal = load.follower()
    with load.fault("claim and pod deleted"):
        before = ids(load)
        faults.delete_claim(load.cluster, ordinal)
        faults.delete_pod(load.cluster, ordinal, force=True)
    check_replaced(load, before, ordinal)


def overwrite(file):
    with open(file, "r+b") as opened:
        size = opened.seek(0, 2)
        opened.seek(0)
        opened.write(os.urandom(size))


@pytest.mark.parametrize("role", ["leader", "follower"])
def test_the_database_is_garbage(testbed, load, role):
    ordinal = getattr(load, role)()
    with load.fault(f"database of the {role} overwritten with garbage, etcd killed"):
        before = ids(load)
        with faults.etcd_stopped(testbed, load.cluster, ordinal):
            overwrite(faults.data_folder(testbed, load.cluster, ordinal) / "snap/db")
    check_replaced(load, before, ordinal)


def spoil_values(file):
    """Other bytes in some values: pages of the database carry no checksums, so etcd starts."""
    with open(file, "r+b") as opened:
        content = opened.read()
        spoilt = re.sub(rb"-x{64}", b"-" + b"y" * 64, content, count=50)
        assert spoilt != content
        opened.seek(0)
        opened.write(spoilt)


def test_the_leader_has_a_corrupt_database(testbed, load):
    """Its hash differs from the other two's, and it is it that serves as the reference of etcd's own
    check."""
    ordinal = load.leader()
    cluster = load.cluster
    with load.fault("leader with other data than the rest", seconds=180):
        before = ids(load)
        with faults.etcd_stopped(testbed, cluster, ordinal):
            spoil_values(faults.data_folder(testbed, cluster, ordinal) / "snap/db")
        load.writer.wait_steady()
        lead(load, ordinal)
        wait_for(lambda: member_id(load, ordinal) != before[ordinal], 150, "it is replaced")
    check_replaced(load, before, ordinal)


def lead(load, ordinal):
    client = load.cluster.client()
    leader = load.cluster.pod_name(load.leader())
    service = f"{load.cluster.name}-peer.{load.cluster.namespace}.svc:2379"
    client.etcdctl("move-leader", f"{int(member_id(load, ordinal)):x}",
                   endpoints=[f"https://{leader}.{service}"])
    wait_for(lambda: load.leader() == ordinal, 20, "the spoilt member leads")


def test_two_of_three_volumes_are_lost(testbed, load):
    """Nobody can know what was acknowledged by those two: nothing is touched."""
    survivor = load.leader()
    lost = [ordinal for ordinal in range(3) if ordinal != survivor]
    cluster = load.cluster
    load.writer.wait_steady()
    folder, start = faults.data_folder(testbed, cluster, survivor), testbed.audit_end()
    inodes = folder.stat().st_ino, (folder / "snap/db").stat().st_ino
    claims = [cluster.claim(ordinal)["metadata"]["uid"] for ordinal in range(3)]
    faults.wipe_volumes(testbed, cluster, *lost)
    now = cluster.wait(lambda now: now["status"]["phase"] == "Failed", "Failed", 60)
    assert condition(now, "Available")["status"] == "False"
    assert now["status"]["message"]
    load.watch(20)
    assert [event["requestURI"] for event in testbed.changes(USER, start)
            if event["objectRef"]["resource"] in ("pods", "persistentvolumeclaims", "statefulsets")
            and event["verb"] != "get"] == []
    assert (folder.stat().st_ino, (folder / "snap/db").stat().st_ino) == inodes
    assert [cluster.claim(ordinal)["metadata"]["uid"] for ordinal in range(3)] == claims
    load.finish_without_quorum("two of three volumes wiped: nothing is touched")
