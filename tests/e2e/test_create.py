"""From `kubectl apply` to a cluster that serves: sizes, versions, defaults, namespaces."""
import pytest

from harness import kubectl
from harness.cluster import (ETCD_3_5, ETCD_3_6, ETCD_3_7, SMALL, Cluster, check_one_healthy_cluster,
                             fair_share, most_on_one_node, new_namespace, drop_namespace)
from harness.wait import merged, wait_for

pytestmark = pytest.mark.side_by_side

NAMES = ["one", "three", "five", "etcd-3-5", "etcd-3-7"]


@pytest.fixture(scope="module", name="zoo")
def _zoo(module_namespace):
    """All at once: they start beside each other."""
    return {
        "one": Cluster(module_namespace, "one", 1).create(),
        "three": Cluster(module_namespace, "three", 3).create(),
        "five": Cluster(module_namespace, "five", 5).create(),
        "etcd-3-5": Cluster(module_namespace, "etcd-3-5", 3,
                            merged(SMALL, {"version": ETCD_3_5})).create(),
        "etcd-3-7": Cluster(module_namespace, "etcd-3-7", 3,
                            merged(SMALL, {"version": ETCD_3_7})).create(),
    }


@pytest.mark.parametrize("name", NAMES)
def test_serves_through_its_client_service(zoo, name):
    check_one_healthy_cluster(zoo[name])


@pytest.mark.parametrize("name", NAMES)
def test_runs_the_version_asked_for(zoo, name):
    cluster = zoo[name]
    status = cluster.wait_running()["status"]
    version = cluster.spec["version"]
    assert status["currentVersion"] == status["targetVersion"] == version
    assert {member["version"] for member in status["members"]} == {version}
    assert version in cluster.row()
    for answer in cluster.client().endpoint_status(status["clientEndpoints"][1:]):
        assert answer["Status"]["version"] == version


@pytest.mark.parametrize("name", NAMES)
def test_members_are_spread_over_the_nodes(zoo, name):
    cluster = zoo[name]
    cluster.wait_running()
    nodes = len(kubectl.get_list("nodes"))
    assert most_on_one_node(cluster.pods()) <= fair_share(cluster.size(), nodes)


@pytest.mark.parametrize("name", ["three", "etcd-3-5", "etcd-3-7"])
def test_refuses_a_client_without_a_certificate(zoo, name):
    zoo[name].wait_running()
    wait_for(zoo[name].client().is_refused_for_its_certificate, 30, "refused for its certificate")


def test_a_member_refuses_it_too(zoo):
    """Not only the Service: each member's own address."""
    cluster = zoo["three"]
    for endpoint in cluster.wait_running()["status"]["clientEndpoints"][1:]:
        wait_for(lambda url=endpoint: cluster.client().is_refused_for_its_certificate([url]), 30,
                 f"{endpoint} refuses a client without a certificate")


def test_an_empty_spec_is_a_secure_cluster_of_three(namespace):
    cluster = Cluster(namespace, "minimal", spec={}).create()
    spec = cluster.get()["spec"]
    assert spec["size"] == 3
    assert spec["version"] == ETCD_3_6
    assert spec["security"]["tls"]["client"]["enabled"] is True
    assert spec["security"]["tls"]["peer"]["enabled"] is True
    assert spec["storage"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Retain"
    check_one_healthy_cluster(cluster)


def test_same_name_in_two_namespaces_at_once(namespace):
    other = new_namespace()
    try:
        pair = [Cluster(where, "twin", 3).create() for where in (namespace, other)]
        for cluster in pair:
            check_one_healthy_cluster(cluster)
            cluster.client().put("where", cluster.namespace)
        for cluster in pair:
            assert cluster.client().get("where") == cluster.namespace
        ids = {cluster.status()["clusterID"] for cluster in pair}
        assert len(ids) == 2, "two clusters with one id"
    finally:
        drop_namespace(other)


def test_pods_are_restricted(zoo):
    """The namespace enforces it; this says what it came to."""
    cluster = zoo["three"]
    cluster.wait_running()
    for pod in cluster.pods():
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec.get("automountServiceAccountToken") is False
        for container in spec["containers"] + spec.get("initContainers", []):
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
