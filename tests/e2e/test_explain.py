"""`etcd-operator explain`: from the operator's pod, from outside with a kubeconfig, and with few rights."""
import json
import shutil
import subprocess

import pytest
import yaml

from harness import kubectl
from harness.cluster import CHILD_KINDS, Cluster, check_one_healthy_cluster
from harness.operator import NAME, NAMESPACE
from harness.testbed import PROJECT

pytestmark = pytest.mark.side_by_side

PROGRAM = PROJECT / "build/hooks/src/cmd/etcd-operator"
WRITES = {"create", "update", "patch", "delete", "deletecollection"}


@pytest.fixture(scope="module", name="cluster")
def _cluster(module_namespace):
    """Healthy, until the last test."""
    cluster = Cluster(module_namespace, "c", 3).create()
    cluster.wait_running()
    return cluster


def explain_in_pod(cluster, *options):
    return kubectl.run("exec", f"deployment/{NAME}", "--", "/etcd-operator", "explain",
                       cluster, *options, namespace=NAMESPACE)


def explain_here(cluster, *options):
    """(exit code, what it printed, what it complained of)"""
    done = subprocess.run([PROGRAM, "explain", str(cluster), *options], capture_output=True,
                          text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(name="program")
def _program(testbed):
    """On the machine itself, built with the image."""
    del testbed
    if not PROGRAM.exists():
        pytest.skip(f"{PROGRAM} is not built")


def versions(cluster):
    """Of all that a cluster is made of: any write changes one."""
    found = {(item["kind"], item["metadata"]["name"]): item["metadata"]["resourceVersion"]
             for item in kubectl.get_list(CHILD_KINDS, cluster.namespace)}
    found["EtcdCluster", cluster.name] = cluster.get()["metadata"]["resourceVersion"]
    return found


def rule(document, name):
    return next(rule for rule in document["rules"] if rule["name"] == name)


def check_healthy(document, cluster):
    status = cluster.status()
    assert document["explainVersion"] == 1
    assert document["cluster"]["phase"] == status["phase"] == "Running"
    assert document["cluster"]["clusterID"] == status["clusterID"]
    assert (document["next"]["action"], document["next"]["rule"]) == ("None", "NothingToDo")
    assert document["problems"] == document["waitsFor"] == document["blockedBy"] == []
    assert all(item["exists"] and not item["difference"]
               for item in document["observed"]["objects"])
    assert len(document["observed"]["objects"]) == 5
    assert all(rule["asked"] for rule in document["rules"])


def test_a_healthy_cluster_from_the_pod(cluster):
    before = versions(cluster)
    document = json.loads(explain_in_pod(cluster, "--output", "json"))
    text = explain_in_pod(cluster)
    assert versions(cluster) == before
    print(text)
    check_healthy(document, cluster)
    members = document["observed"]["members"]
    assert [member["etcd"]["memberID"] for member in members] == \
        [member["id"] for member in cluster.status()["members"]]
    assert sorted(member["etcd"]["role"] for member in members) == ["follower", "follower", "leader"]
    assert all(member["listed"] and member["etcd"]["linearizableRead"] for member in members)
    assert [pod["spec"]["nodeName"] for pod in cluster.pods()] == \
        [member["pod"]["node"] for member in members]
    assert [item["about"] for item in document["unknown"]] == ["the operator's memory"]
    assert f"EtcdCluster {cluster}: Running" in text
    for number, each in enumerate(document["rules"], 1):
        assert f" {number} {each['name']} " in text


def test_a_healthy_cluster_from_outside(program, cluster):
    """The members may be out of reach from here, and are not called dead for it."""
    del program
    before = versions(cluster)
    code, out, complaint = explain_here(cluster, "--output", "json")
    assert (code, complaint) == (0, "")
    document = json.loads(out)
    assert versions(cluster) == before
    check_healthy(document, cluster)
    unread = "etcd" in [item["about"] for item in document["unknown"]]
    print("\nfrom outside, the members", "cannot be asked" if unread else "can be asked")
    for member in document["observed"]["members"]:
        assert member["pod"]["ready"]
        assert member["etcd"].get("takenToServe") or member["etcd"]["answers"]


@pytest.fixture(name="viewer")
def _viewer(cluster, tmp_path):
    """(user, kubeconfig) of somebody who may view the namespace: no Secrets."""
    name, namespace = "viewer", cluster.namespace
    kubectl.run("create", "serviceaccount", name, namespace=namespace)
    kubectl.run("create", "rolebinding", name, "--clusterrole=view",
                f"--serviceaccount={namespace}:{name}", namespace=namespace)
    token = kubectl.run("create", "token", name, namespace=namespace).strip()
    admin = yaml.safe_load(kubectl.run("config", "view", "--raw", "--minify", "--flatten"))
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump({
        "apiVersion": "v1", "kind": "Config",
        "clusters": admin["clusters"],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": "as-viewer", "context": {"cluster": admin["clusters"][0]["name"],
                                                       "user": name}}],
    }))
    return f"system:serviceaccount:{namespace}:{name}", file


def test_with_the_right_to_view_only(testbed, program, cluster, viewer):
    del program
    user, kubeconfig = viewer
    start = testbed.audit_end()
    code, out, complaint = explain_here(cluster, f"--kubeconfig={kubeconfig}",
                                        "--context=as-viewer", "--output=json")
    assert (code, complaint) == (0, "")
    document = json.loads(out)
    check_healthy(document, cluster)
    unknown = {item["about"]: item["words"] for item in document["unknown"]}
    assert "forbidden" in unknown["the TLS Secrets"]
    assert "etcd" in unknown
    asked = testbed.audit_events(user, start)
    assert {event["verb"] for event in asked} <= {"get", "list"}
    assert any(event["objectRef"]["resource"] == "secrets" for event in asked)
    # Not even that much.
    code, _, complaint = explain_here("kube-system/c", f"--kubeconfig={kubeconfig}",
                                      "--context=as-viewer")
    assert code == 1 and "forbidden" in complaint


def test_what_it_cannot_explain(program, cluster):
    del program
    code, _, complaint = explain_here(f"{cluster.namespace}/none")
    assert code == 3 and f"EtcdCluster {cluster.namespace}/none does not exist" in complaint
    assert explain_here("no-slash")[0] == 2
    with pytest.raises(kubectl.KubectlError, match="exit code 3"):
        explain_in_pod(f"{cluster.namespace}/none")


def test_a_member_whose_data_was_removed(testbed, cluster):
    """rm -rf of its data and kill -9 of its etcd, and a pause, or it would be replaced at once."""
    cluster.patch_spec({"paused": True})
    cluster.wait(lambda now: now["status"]["phase"] == "Paused", "Paused")
    process = testbed.etcd_process(cluster.pod(1))
    for entry in testbed.volume(cluster.claim(1)).iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    testbed.signal_process(process, 9)
    cluster.wait_told(cluster.pod_name(1), "has no data")
    before = versions(cluster)
    document = json.loads(explain_in_pod(cluster, "--output", "json"))
    text = explain_in_pod(cluster)
    assert versions(cluster) == before
    print(text)
    assert document["cluster"]["phase"] == "Paused"
    assert document["next"]["action"] == "None"
    assert rule(document, "RemoveLostMember")["keptBy"] == "Paused"
    assert [item["about"] for item in document["problems"]] == ["MemberLostData"]
    lost = document["observed"]["members"][1]
    assert lost["report"]["waiting"] and not lost["report"]["hasData"]
    assert lost["report"]["reason"] == "NoData" and not lost["etcd"]["answers"]
    assert lost["listed"], "etcd's membership has it still"
    assert "start helper: waits, NoData" in text and "has no data" in text
    cluster.patch_spec({"paused": False})
    check_one_healthy_cluster(cluster)
