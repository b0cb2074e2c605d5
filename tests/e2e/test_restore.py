"""EtcdRestore: a cluster that is lost with all its volumes comes back from a backup, by the very
commands of docs/restore.md."""
import re
import shlex
import subprocess

import pytest

from harness import kubectl, store as stores
from harness.backup import Backup
from harness.cluster import (ETCD_3_5, ETCD_3_7, PERMIT, SMALL, Cluster, check_one_healthy_cluster,
                             condition)
from harness.restore import Restore
from harness.testbed import PROJECT
from harness.wait import merged

pytestmark = pytest.mark.side_by_side(minutes=5)

KEYS = {f"key-{i:02}": f"value {i}" for i in range(20)}
SEAL = "0123456789abcdef" * 4
BUMP = 1000000000


@pytest.fixture(scope="module", name="store")
def _store(testbed):
    del testbed
    with stores.running() as server:
        yield server


def secret(namespace, name, **data):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace},
            "stringData": data}


def claim(namespace, name):
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"accessModes": ["ReadWriteOnce"],
                     "resources": {"requests": {"storage": "256Mi"}}}}


@pytest.fixture(scope="module", name="made")
def _made(module_namespace, store):
    """What is known of a cluster and its backups."""
    kept = {"storage": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain"}}}
    cluster = Cluster(module_namespace, "c", 3, merged(SMALL, kept)).create()
    cluster.begin_client()
    kubectl.create(secret(module_namespace, "store", credentials=stores.credentials()),
                   secret(module_namespace, "key", key=SEAL),
                   secret(module_namespace, "other-key", key="ab" * 32),
                   claim(module_namespace, "backups"))
    cluster.wait_running()
    client = cluster.client()
    for key, value in KEYS.items():
        client.put(key, value)
    # Users whose passwords the operator does not know.
    client.etcdctl("user", "add", "root", "--new-user-password=forgotten")
    client.etcdctl("user", "grant-role", "root", "root")
    client.etcdctl("user", "add", "reader", "--new-user-password=secret")
    client.etcdctl("auth", "enable")
    header, _ = client.members()
    sealed = Backup(module_namespace, "sealed", {
        "clusterName": "c", "storageType": "S3", "s3": store.spec(),
        "encryption": {"keySecret": "key"}}).create()
    local = Backup(module_namespace, "local", {
        "clusterName": "c", "storageType": "Local",
        "local": {"persistentVolumeClaim": "backups"}}).create()
    return {"namespace": module_namespace, "clusterID": f"{header['cluster_id']:016x}",
            "sealed": sealed.wait_phase("Completed"), "local": local.wait_phase("Completed")}


def restore(made, name, cluster, template=None, **source):
    return Restore(made["namespace"], name, {
        "clusterName": cluster, "clusterTemplate": merged(SMALL, template or {}), **source})


def restored_cluster(made, name, template=None):
    return Cluster(made["namespace"], name, spec=merged(SMALL, {"size": 3}, template or {}))


def check_data(cluster, status, backup):
    """Every key, a revision that no client has seen, and one healthy cluster with another id."""
    check_one_healthy_cluster(cluster)
    client = cluster.client()
    for key, value in KEYS.items():
        assert client.get(key) == value
    answer = client.endpoint_status(cluster.status()["clientEndpoints"][:1])[0]["Status"]
    assert answer["header"]["revision"] > backup["revision"] + BUMP
    assert status["restoredRevision"] == backup["revision"]
    assert status["sha256"] == backup["sha256"]
    assert status["records"] == backup["records"]
    assert status["clusterID"] == cluster.status()["clusterID"]
    assert condition({"status": status}, "Complete")["status"] == "True"


def check_no_permit_was_given(cluster):
    """The members found their data; nobody was allowed to begin without."""
    assert not cluster.status()["bootstrap"]["permits"]
    for pod in cluster.pods():
        assert PERMIT not in pod["metadata"].get("annotations", {})


def guide(language):
    """The page's blocks in this language."""
    text = (PROJECT / "docs/restore.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def run_the_drill(namespace, folder):
    (folder / "restore.yaml").write_text(guide("yaml")[0])
    commands = guide("sh")[0].splitlines()
    assert len(commands) == 5
    for command in commands:
        words = shlex.split(command)
        words[1:1] = ["--namespace", namespace]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=330,
                              check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def test_the_drill(made, tmp_path):
    """Under its own name, encrypted, from a bucket; and the operator can do everything with it."""
    shown = run_the_drill(made["namespace"], tmp_path)
    assert re.search(r"etcdrestore\S*/again +c +Completed", shown), shown
    again = Restore(made["namespace"], "again", {})
    status = again.wait_completed(1)
    cluster = Cluster(made["namespace"], "c", 3)
    cluster.begin_client()
    check_no_permit_was_given(cluster)
    check_data(cluster, status, made["sealed"])
    assert status["clusterID"] != made["clusterID"]
    assert not again.pods()
    assert "Authentication Status: true" in cluster.client().etcdctl("auth", "status")

    cluster.scale(5)
    cluster.wait_running()
    for member in range(5):
        url = f"https://c-{member}.c-peer.{made['namespace']}.svc:2379"
        assert cluster.client().get("key-07", endpoints=[url]) == KEYS["key-07"]
    cluster.scale(1)
    cluster.wait_running()
    assert cluster.client().get("key-19") == KEYS["key-19"]
    cluster.delete()
    cluster.wait_gone()


def test_from_a_location_into_a_later_version(made):
    """As when nothing is left but the volume with the backups."""
    name = made["local"]["location"].partition("/backup/")[2]
    template = {"size": 1, "version": ETCD_3_7}
    later = restore(made, "later", "d", template, source={
        "storageType": "Local", "name": name,
        "local": {"persistentVolumeClaim": "backups"}}).create()
    status = later.wait_completed()
    cluster = restored_cluster(made, "d", template)
    cluster.begin_client()
    check_data(cluster, status, made["local"])
    assert cluster.status()["currentVersion"] == ETCD_3_7
    cluster.delete()
    cluster.wait_gone()


def starts_nothing(made, name):
    assert not kubectl.get("sts", name, made["namespace"])
    assert not kubectl.get_list("pods", made["namespace"], f"etcd.etcd.io/cluster={name}")


def test_an_earlier_version_is_refused(made):
    restore(made, "earlier", "e", {"version": ETCD_3_5}, backupName="sealed").create().wait_failed(
        "restore into 3.6 or later")
    starts_nothing(made, "e")
    held = Cluster(made["namespace"], "e")
    held.wait_told("waiting for EtcdRestore earlier")
    held.delete()
    held.wait_gone()


def test_a_wrong_key_is_refused(made, store):
    name = made["sealed"]["location"].partition(f"s3://{stores.BUCKET}/")[2]
    refused = restore(made, "wrong-key", "f", source={
        "storageType": "S3", "name": name, "s3": store.spec(),
        "encryption": {"keySecret": "other-key"}}).create()
    refused.wait_failed("it is encrypted with key")
    starts_nothing(made, "f")


def test_a_changed_backup_is_refused(made, store):
    name = made["sealed"]["location"].partition(f"s3://{stores.BUCKET}/")[2]
    path = store.folder / stores.BUCKET / name
    good = path.read_bytes()
    spoilt = bytearray(good)
    spoilt[len(good) // 2] ^= 1
    path.write_bytes(spoilt)
    try:
        restore(made, "changed", "g", backupName="sealed").create().wait_failed(
            "was changed")
        starts_nothing(made, "g")
    finally:
        path.write_bytes(good)


def test_what_cannot_begin_says_so(made):
    restore(made, "nameless", "h", backupName="nothing").create().wait_failed(
        "there is no EtcdBackup nothing")
    kubectl.create(merged(claim(made["namespace"], "data-i-0"), {"metadata": {"labels": {
        "etcd.etcd.io/cluster": "i", "app.kubernetes.io/managed-by": "etcd-operator"}}}))
    restore(made, "occupied", "i", backupName="local").create().wait_failed("claim data-i-0 exists")
    for name in ("h", "i"):
        assert not kubectl.get("etcd", name, made["namespace"])
    kubectl.create(Cluster(made["namespace"], "j", 1).manifest())
    restore(made, "taken", "j", backupName="local").create().wait_failed(
        "EtcdCluster j exists already")


def test_the_api_server_refuses_what_makes_no_sense(made):
    both = restore(made, "both", "k", backupName="local", source={
        "storageType": "Local", "name": "x", "local": {"persistentVolumeClaim": "backups"}})
    assert "either spec.backupName" in kubectl.refusal(both.manifest())
    neither = restore(made, "neither", "k")
    assert "either spec.backupName" in kubectl.refusal(neither.manifest())
    wrong = restore(made, "wrong", "k", {"size": 2}, backupName="local")
    assert "size" in kubectl.refusal(wrong.manifest())
