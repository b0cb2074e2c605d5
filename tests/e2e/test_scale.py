"""Another size: members join as learners and leave before their pods, and no key is lost."""
import pytest

from harness import kubectl
from harness.cluster import Cluster, check_one_healthy_cluster
from harness.wait import stays, wait_for

pytestmark = pytest.mark.side_by_side(minutes=2)

SCALED_SECONDS = 120


@pytest.fixture(scope="module", name="cluster")
def _cluster(module_namespace):
    """Each test leaves it healthy."""
    cluster = Cluster(module_namespace, "c", 1).create()
    cluster.wait_running()
    # The nodes' proxies may send to a member that has left for a while.
    cluster.client().patience_seconds = 60
    return cluster


def check_size(cluster, size):
    """So many members and no more, of them no learner, and no volume past the size."""
    cluster.wait_running(SCALED_SECONDS)
    check_one_healthy_cluster(cluster)
    _, members = cluster.client().members()
    assert not any(member.get("isLearner") for member in members.values())
    wait_for(lambda: not cluster.claim(size) and not cluster.pod(size), 60,
             f"no volume and no pod of ordinal {size}")
    assert cluster.status()["replicas"] == size


def test_1_3_5_3_1_3_with_the_data(cluster):
    client = cluster.client()
    ids = {}
    for step, size in enumerate((1, 3, 5, 3, 1, 3)):
        if step:
            cluster.scale(size)
        check_size(cluster, size)
        client.put(f"step-{step}", str(size))
        for name, member in client.members()[1].items():
            ids.setdefault(name, set()).add(member["ID"])
    for step, size in enumerate((1, 3, 5, 3, 1, 3)):
        assert client.get(f"step-{step}") == str(size)
    assert len(ids["c-0"]) == 1, "the member that stayed is the same"
    assert len(ids["c-1"]) == 2, "the one that left and came again is another"


def test_a_size_that_changes_half_way(cluster):
    cluster.wait_running()
    cluster.scale(5)
    cluster.wait(lambda now: now["status"]["phase"] == "Scaling", "Scaling")
    cluster.scale(1)
    check_size(cluster, 1)
    cluster.scale(3)
    check_size(cluster, 3)


def test_a_paused_cluster_is_left_alone(cluster):
    cluster.scale(3)
    check_size(cluster, 3)
    cluster.patch_spec({"paused": True})
    cluster.wait(lambda now: now["status"]["phase"] == "Paused", "Paused")
    cluster.scale(1)
    stays(lambda: len(cluster.pods()) == 3 and len(cluster.client().members()[1]) == 3, 6,
          "something was changed")
    cluster.patch_spec({"paused": False})
    check_size(cluster, 1)
    cluster.scale(3)
    check_size(cluster, 3)


def test_an_even_size_is_refused_in_words(cluster):
    with pytest.raises(kubectl.KubectlError, match="size"):
        cluster.scale(4)
