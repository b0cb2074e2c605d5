"""A database that has reached its quota: what the operator does by itself, and what it asks for."""
import concurrent.futures
import json

import pytest

from harness import kubectl
from harness.cluster import SMALL, Cluster, check_one_healthy_cluster
from harness.wait import NotYet, merged, wait_for

pytestmark = pytest.mark.side_by_side(minutes=4)

QUOTA = "16Mi"
# The alarm goes below 80 % of the quota; what is written meanwhile takes pages, too.
ROOM_BYTES = (16 << 20) * 90 // 100
VALUE = "x" * 120000
FULL_AFTER = 200  # Puts of VALUE, with room to spare.
# Two minutes of history are kept; then it is compacted, and each member defragmented.
ROOM_SECONDS = 120 + 60


@pytest.fixture(scope="module", name="made")
def _made(module_namespace):
    """Both full: of the history of one key, and of keys. At the same time, to wait only once."""
    spec = merged(SMALL, {"etcd": {"quotaBackendBytes": QUOTA}, "healthCheck": {"interval": "2s"}})
    clusters = {name: Cluster(module_namespace, name, 3, spec).create()
                for name in ("history", "keys")}
    with concurrent.futures.ThreadPoolExecutor() as threads:
        list(threads.map(fill, clusters.values(), (True, False)))
    return clusters


def fill(cluster, one_key):
    """Until etcd takes no more."""
    check_one_healthy_cluster(cluster)
    client = cluster.client()
    client.put("earlier", "there")
    for i in range(FULL_AFTER):
        try:
            client.put("big" if one_key else f"big-{i}", VALUE)
        except kubectl.KubectlError as error:
            assert "database space exceeded" in str(error)
            return
    raise AssertionError(f"{cluster} takes writes beyond its quota")


def alarms(cluster):
    return json.loads(cluster.client().etcdctl("alarm", "list", "-w", "json")).get("alarms") or []


def wait_writes(cluster, seconds):
    def writes():
        if alarms(cluster):
            raise NotYet(cluster.status().get("message"))
        return cluster.client().can_write("again")
    wait_for(writes, seconds, f"{cluster} takes writes again", interval=1)
    assert cluster.client().get("earlier") == "there"
    check_one_healthy_cluster(cluster)


def test_history_makes_room_without_a_person(made):
    cluster = made["history"]
    wait_writes(cluster, ROOM_SECONDS)
    assert cluster.client().get("big") == VALUE
    for member in cluster.client().endpoint_status(cluster.status()["clientEndpoints"][1:]):
        assert member["Status"]["dbSize"] < ROOM_BYTES
    told = [event["message"] for event in kubectl.get_list("events", cluster.namespace)
            if event["reason"] == "NoSpace" and event["involvedObject"]["name"] == cluster.name]
    for words in ("compacted", "is free", "below their quota"):
        assert any(words in message for message in told), told


def test_keys_need_a_larger_quota(made):
    cluster = made["keys"]
    cluster.wait_told("set spec.etcd.quotaBackendBytes to 32Mi", seconds=ROOM_SECONDS)
    assert alarms(cluster), "it would fill up again at once"
    cluster.patch_spec({"etcd": {"quotaBackendBytes": "32Mi"}})
    wait_writes(cluster, 120)
    assert cluster.client().get("big-7") == VALUE
