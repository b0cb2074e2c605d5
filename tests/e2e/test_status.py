"""The status in full, and how kubectl shows it."""
import json
import re

import pytest

from harness import kubectl
from harness.cluster import SMALL, Cluster, condition
from harness.operator import NAME

pytestmark = pytest.mark.side_by_side

HEX_ID = re.compile(r"[0-9a-f]{16}")


@pytest.fixture(scope="module", name="now")
def _now(shared):
    """The object of a cluster that runs."""
    return shared.wait_running()


def test_members(shared, now):
    members = now["status"]["members"]
    assert [member["name"] for member in members] == ["shared-0", "shared-1", "shared-2"]
    peers = f"shared-peer.{shared.namespace}.svc"
    for member in members:
        assert HEX_ID.fullmatch(member["id"])
        assert member["peerURL"] == f"https://{member['name']}.{peers}:2380"
        assert member["clientURL"] == f"https://{member['name']}.{peers}:2379"
        assert member["ready"] is True
        assert member["version"] == SMALL["version"]
        assert member["dbSize"] > 0 and member["dbSizeInUse"] > 0 and member["lag"] == 0
    assert sorted(member["role"] for member in members) == ["follower", "follower", "leader"]


def test_ids_are_etcds_own(shared, now):
    header, members = shared.client().members()
    status = now["status"]
    assert status["clusterID"] == f"{header['cluster_id']:016x}"
    assert {member["name"]: member["id"] for member in status["members"]} == \
        {name: f"{member['ID']:016x}" for name, member in members.items()}


def test_leader(shared):
    """Compared in one moment: an election may come at any time."""
    def leader_in_status():
        status = shared.wait_running()["status"]
        leaders = [member["id"] for member in status["members"] if member["role"] == "leader"]
        assert leaders == [status["leaderID"]]
        return status["leaderID"]
    answers = shared.client().endpoint_status(shared.status()["clientEndpoints"][1:])
    etcds_leader = {f"{answer['Status']['leader']:016x}" for answer in answers}
    shared.wait(lambda _: {leader_in_status()} == etcds_leader, "the leader that etcd names", 30)


def test_counts_endpoints_and_versions(shared, now):
    status = now["status"]
    assert status["phase"] == "Running"
    assert status["message"] == ""
    assert status["ready"] == "3/3"
    assert status["replicas"] == status["readyReplicas"] == 3
    assert status["currentVersion"] == status["targetVersion"] == SMALL["version"]
    assert status["generation"] == 1
    assert status["observedGeneration"] == now["metadata"]["generation"]
    assert "operation" not in status
    assert status["clientEndpoints"] == \
        [f"https://shared-client.{shared.namespace}.svc:2379"] + \
        [f"https://shared-{i}.shared-peer.{shared.namespace}.svc:2379" for i in range(3)]


def test_recorded_bootstrap(now):
    bootstrap = now["status"]["bootstrap"]
    assert bootstrap["size"] == 3 and bootstrap["generation"] == 1
    assert [permit["ordinal"] for permit in sorted(bootstrap["permits"], key=lambda p: p["ordinal"])
            ] == [0, 1, 2]
    ids = {member["id"] for member in now["status"]["members"]}
    assert {permit["memberID"] for permit in bootstrap["permits"]} == ids
    assert {permit["mode"] for permit in bootstrap["permits"]} == {"new"}


@pytest.mark.parametrize("kind, value, reason", [
    ("Ready", "True", "AllMembersReady"),
    ("Available", "True", "Quorum"),
    ("Progressing", "False", "Settled"),
    ("Degraded", "False", "Healthy"),
    ("SpecApplied", "True", "Applied"),
    ("QuorumLost", "False", "Quorum"),
])
def test_conditions(now, kind, value, reason):
    found = condition(now, kind)
    assert (found["status"], found["reason"]) == (value, reason)
    assert found["observedGeneration"] == now["metadata"]["generation"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["lastTransitionTime"])


def test_kubectl_wait_understands_it(shared):
    kubectl.run("wait", "--for=condition=Ready", "etcd/shared", "--timeout=30s",
                namespace=shared.namespace)


def test_printer_columns(shared, now):
    del now
    heading, row = kubectl.run("get", "etcd", "shared", namespace=shared.namespace).splitlines()
    assert heading.split() == ["NAME", "PHASE", "READY", "VERSION", "MESSAGE", "AGE"]
    assert row.split()[:4] == ["shared", "Running", "3/3", SMALL["version"]]


def test_scale_subresource(shared, now):
    path = f"/apis/etcd.etcd.io/v1alpha1/namespaces/{shared.namespace}/etcdclusters/shared/scale"
    scale = json.loads(kubectl.get_raw(path))
    assert scale["spec"]["replicas"] == 3
    assert scale["status"]["replicas"] == 3
    assert scale["status"]["selector"] == now["status"]["selector"]
    pods = kubectl.get_list("pods", shared.namespace, scale["status"]["selector"])
    assert {pod["metadata"]["name"] for pod in pods} == {"shared-0", "shared-1", "shared-2"}


def test_an_even_scale_is_refused_in_words(shared):
    with pytest.raises(kubectl.KubectlError, match="size.*(1.*3.*5.*7.*9)"):
        kubectl.run("scale", "etcd/shared", "--replicas=4", namespace=shared.namespace)


def test_children_are_owned_and_labelled(shared, now):
    uid = now["metadata"]["uid"]
    kinds = "statefulsets,services,configmaps,secrets,poddisruptionbudgets"
    mine = [item for item in kubectl.get_list(kinds, shared.namespace)
            if item["metadata"]["name"] != "kube-root-ca.crt"]
    assert {f"{item['kind']}/{item['metadata']['name']}" for item in mine} >= {
        "StatefulSet/shared", "Service/shared-client", "Service/shared-peer",
        "PodDisruptionBudget/shared", "Secret/shared-client-ca", "Secret/shared-peer-ca",
        "Secret/shared-server-tls", "Secret/shared-peer-tls", "Secret/shared-client-tls"}
    for item in mine:
        owner, = item["metadata"]["ownerReferences"]
        assert owner["uid"] == uid and owner["controller"] is True
        labels = item["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "etcd"
        assert labels["app.kubernetes.io/instance"] == "shared"
        assert labels["app.kubernetes.io/managed-by"] == NAME


def test_one_member_needs_no_disruption_budget(namespace):
    cluster = Cluster(namespace, size=1).create()
    cluster.wait_running()
    assert not kubectl.get_list("poddisruptionbudgets", namespace)


def test_events_tell_the_way(shared, now):
    del now
    events = kubectl.run("get", "events", "-o", "custom-columns=R:.reason,K:.involvedObject.kind",
                         namespace=shared.namespace)
    seen = {line.split()[0] for line in events.splitlines() if line.endswith("EtcdCluster")}
    assert {"Creating", "GrantPermits", "Running"} <= seen


def test_used_permits_are_taken_away(shared, now):
    del now
    shared.wait(lambda _: not any("etcd.etcd.io/start-permit" in pod["metadata"]["annotations"]
                                  for pod in shared.pods()), "no pod bears a permit any more", 30)
