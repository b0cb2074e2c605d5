"""What a user asks for, under load."""
from harness import faults
from harness.cluster import ETCD_3_5, ETCD_3_6, ETCD_3_7
from harness.wait import wait_for

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
            upgrade(load, version)
            wait_versions(load, version)
            load.wait_healthy(STEP_SECONDS)


def test_an_upgrade_with_a_fault_in_the_middle(testbed, make_load):
    load = make_load(spec={"version": ETCD_3_5})
    with load.fault("rolling upgrade 3.5 -> 3.6, etcd killed -9 in the middle", seconds=STEP_SECONDS):
        upgrade(load, ETCD_3_6)
        wait_for(lambda: any(member["version"] == ETCD_3_6
                             for member in load.writer.state()["members"].values()),
                 STEP_SECONDS, "the first member is upgraded")
        faults.kill_etcd(testbed, load.cluster, load.leader())
        wait_versions(load, ETCD_3_6)
