"""Disks that lose what was not synced, or take long to sync."""
import pathlib

import pytest

from harness import faults
from test_data import ids
from test_nodes import LOST_SECONDS, node_of, wait_node_ready


@pytest.fixture
def lossy(testbed, load):
    """Three members on such disks."""
    for ordinal in range(3):
        faults.lossy_disk(testbed, load.cluster, ordinal)
        load.writer.wait_steady()
        process = testbed.etcd_process(load.cluster.pod(ordinal))
        assert "lossyfs" in pathlib.Path(f"/proc/{process}/mountinfo").read_text(encoding="utf-8")
    return load


@pytest.mark.parametrize("role", ["leader", "follower"])
def test_a_node_loses_its_power_and_what_was_not_synced(testbed, lossy, role):
    node, before = node_of(lossy.cluster, getattr(lossy, role)()), ids(lossy)
    with lossy.fault(f"node of the {role} switched off, unsynced writes lost, 15 s, on"):
        with faults.power_cut(testbed, node):
            lossy.hold(LOST_SECONDS)
        wait_node_ready(node)
    assert ids(lossy) == before


def test_all_nodes_lose_their_power_and_what_was_not_synced(testbed, lossy):
    """What was acknowledged can only come from the disks."""
    nodes, before = [node_of(lossy.cluster, ordinal) for ordinal in range(3)], ids(lossy)
    with lossy.fault("all nodes switched off, unsynced writes lost, and on"):
        with faults.power_cut(testbed, nodes[0]), faults.power_cut(testbed, nodes[1]), \
                faults.power_cut(testbed, nodes[2]):
            pass
        for node in nodes:
            wait_node_ready(node)
    assert ids(lossy) == before


@pytest.mark.parametrize("role, milliseconds", [("leader", 100), ("follower", 1000)])
def test_a_disk_is_slow_to_sync(testbed, lossy, role, milliseconds):
    ordinal = getattr(lossy, role)()
    with lossy.fault(f"each fsync of the {role} takes {milliseconds} ms, 20 s"):
        with faults.slow_sync(testbed, lossy.cluster, ordinal, milliseconds):
            lossy.hold(20)
