"""What a user asks for, under load."""
import time

from harness import faults
from harness.cluster import ETCD_3_5, ETCD_3_6, ETCD_3_7
from harness.wait import NotYet, wait_for

STEP_SECONDS = 240


def resize(load, size):
    load.cluster.spec["size"] = size
    load.cluster.patch_spec({"size": size})
    load.wait_healthy(STEP_SECONDS)


def test_three_one_three(load):
    with load.fault("3 -> 1 -> 3 members"):
        resize(load, 1)
        load.writer.wait_steady(writes=100)
        resize(load, 3)


class Roll:
    """Follows a roll that is about to begin, step by step: each is the restart of one member."""

    def __init__(self, load, name):
        self.load, self.name = load, name
        self.old = self.pods()
        self.leader = load.leader()
        load.writer.lap()

    def pods(self):
        return {ordinal: pod["metadata"]["uid"] for ordinal in range(self.load.cluster.size())
                if (pod := self.load.cluster.pod(ordinal))}

    def wait_step(self, number):
        """So many members have other pods than before, and all serve."""
        def done():
            now = self.pods()
            new = [ordinal for ordinal, uid in now.items() if uid != self.old[ordinal]]
            if len(new) < number or len(now) < len(self.old):
                raise NotYet(f"new: {new}")
            return new
        wait_for(done, STEP_SECONDS, f"{self.name}: step {number}", interval=0.1)
        since = time.time()
        wait_for(lambda: self.load.writer.all_serve(since), STEP_SECONDS, "every member serves",
                 interval=0.1)

    def follow(self):
        for number in range(1, len(self.old) + 1):
            self.wait_step(number)
            self.load.lap(f"{self.name}, step {number}")
        self.load.wait_healthy(STEP_SECONDS)


def test_a_changed_option_rolls(load):
    with load.fault("roll of three members", seconds=STEP_SECONDS):
        roll = Roll(load, "roll of three members")
        load.cluster.patch_spec({"etcd": {"snapshotCount": 20000}})
        roll.follow()


def upgrade(load, version):
    load.cluster.spec["version"] = version
    load.cluster.patch_spec({"version": version})


def wait_versions(load, version):
    def all_there():
        return all(member["version"] == version
                   for member in load.writer.state()["members"].values())
    wait_for(all_there, STEP_SECONDS, f"every member runs {version}")


def test_upgrades(make_load):
    load = make_load(spec={"version": ETCD_3_5})
    with load.fault("rolling upgrade 3.5 -> 3.6 -> 3.7", seconds=STEP_SECONDS):
        for version in (ETCD_3_6, ETCD_3_7):
            roll = Roll(load, f"upgrade to {version}")
            upgrade(load, version)
            roll.follow()
            wait_versions(load, version)


def test_upgrades_with_a_fault_in_the_middle(testbed, make_load):
    """Of each of the two: when the first member is upgraded, the leader's etcd is killed."""
    load = make_load(spec={"version": ETCD_3_5})
    with load.fault("rolling upgrade 3.5 -> 3.6 -> 3.7, etcd killed -9 in the middle of each",
                    seconds=STEP_SECONDS):
        for version in (ETCD_3_6, ETCD_3_7):
            upgrade(load, version)
            wait_for(lambda version=version: any(
                member["version"] == version for member in load.writer.state()["members"].values()),
                STEP_SECONDS, "the first member is upgraded")
            faults.kill_etcd(testbed, load.cluster, load.leader())
            wait_versions(load, version)
            load.wait_healthy(STEP_SECONDS)
