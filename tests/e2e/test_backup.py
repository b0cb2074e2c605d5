"""EtcdBackup: into a bucket of a server that verifies signatures, and onto a volume."""
import json
import subprocess

import pytest

from harness import kubectl, store as stores, testbed as testbeds
from harness.backup import Backup
from harness.cluster import Cluster, condition
from harness.wait import NotYet, merged, wait_for

pytestmark = pytest.mark.side_by_side(minutes=4)

KEY = "0123456789abcdef" * 4  # In hex, as `key` of a Secret may be.
BALLAST_KEYS = 200
BALLAST = "x" * 100000


@pytest.fixture(scope="module", name="store")
def _store(testbed):
    del testbed
    with stores.running() as server:
        yield server


@pytest.fixture(scope="module", name="made")
def _made(module_namespace):
    """A cluster with TLS and data in it, and the Secrets."""
    cluster = Cluster(module_namespace, "c", 3).create()
    cluster.begin_client()
    kubectl.create(
        secret(module_namespace, "store", credentials=stores.credentials()),
        secret(module_namespace, "wrong", credentials=stores.credentials(secret="other")),
        secret(module_namespace, "key", key=KEY),
        claim(module_namespace, "backups"))
    cluster.wait_running()
    client = cluster.client()
    for i in range(20):
        client.put(f"key-{i}", f"value-{i}")
    return cluster


def secret(namespace, name, **data):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace},
            "stringData": data}


def claim(namespace, name):
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"accessModes": ["ReadWriteOnce"],
                     "resources": {"requests": {"storage": "256Mi"}}}}


def s3(cluster, name, store, change=None, **more):
    return Backup(cluster.namespace, name, merged({"clusterName": cluster.name, "storageType": "S3",
                                                   "s3": store.spec(**(change or {}))}, more))


def local(cluster, name, **more):
    return Backup(cluster.namespace, name, merged(
        {"clusterName": cluster.name, "storageType": "Local",
         "local": {"persistentVolumeClaim": "backups", "path": "etcd"}}, more))


def stored(store, backup):
    """(name, bytes) of the object, which has its manifest beside it."""
    objects = store.objects()
    found = [name for name in objects if name.endswith(f"-{backup.name}")]
    assert len(found) == 1, sorted(objects)
    assert f"{found[0]}.json" in objects
    return found[0], objects[found[0]]


# What a good one tells.

def test_into_a_bucket(made, store, tmp_path):
    revision = made.client().endpoint_status(made.status()["clientEndpoints"][:1])[0][
        "Status"]["header"]["revision"]
    backup = s3(made, "plain", store, change={"prefix": "some/where"}, compression=False).create()
    status = backup.wait_phase("Completed")

    name, data = stored(store, backup)
    assert status["location"] == f"s3://{stores.BUCKET}/{name}"
    assert name.startswith(f"some/where/{made.namespace}/{made.name}/")
    assert status["size"] == len(data) and status["uncompressedSize"] == len(data) - 32
    assert status["sha256"] == data[-32:].hex()
    assert status["etcdVersion"] == made.spec["version"]
    assert status["clusterID"] == made.status()["clusterID"]
    assert status["revision"] >= revision
    assert status["startTime"] <= status["completionTime"]
    assert condition({"status": status}, "Complete")["status"] == "True"
    assert condition({"status": status}, "Failed")["status"] == "False"
    said = snapshot_status(tmp_path, data, "3.5")
    assert (said["revision"], said["totalKey"], said["totalSize"]) == \
        (status["revision"], status["records"], status["uncompressedSize"])
    row = kubectl.run("get", "etcdb", backup.name, "--no-headers", namespace=backup.namespace)
    assert row.split()[:4] == [backup.name, made.name, "Completed", str(status["revision"])]
    wait_for(lambda: not backup.job(), 20, "the Job is gone")


def snapshot_status(folder, data, version):
    file = folder / "snapshot.db"
    file.write_bytes(data)
    done = subprocess.run([testbeds.part(f"etcd-{version}") / "etcdutl", "snapshot", "status", file,
                           "-w", "json"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_compressed_and_encrypted(made, store):
    backup = s3(made, "sealed", store, encryption={"keySecret": "key"}).create()
    status = backup.wait_phase("Completed")
    _, data = stored(store, backup)
    assert status["encryptionKey"] and status["size"] == len(data) < status["uncompressedSize"]
    assert b"key-1" not in data


def test_onto_a_volume_and_off_it_again(made):
    backup = local(made, "volume", deletionPolicy="Delete").create()
    status = backup.wait_phase("Completed")
    assert status["location"].startswith("file:///backup/etcd/")
    assert status["records"] > 0
    backup.delete()
    backup.wait_gone()
    assert not kubectl.get_list("jobs", made.namespace, f"etcd.etcd.io/backup={backup.name}")


def test_deletion_leaves_or_removes_what_is_stored(made, store):
    kept = s3(made, "kept", store).create()
    removed = s3(made, "removed", store, deletionPolicy="Delete").create()
    for backup in (kept, removed):
        backup.wait_phase("Completed")
        stored(store, backup)
        backup.delete()
    for backup in (kept, removed):
        backup.wait_gone()
    stored(store, kept)
    assert not [name for name in store.objects() if "removed" in name]


def test_is_taken_once(made, store):
    """Also when the Job is long gone and the object changes."""
    backup = s3(made, "once", store).create()
    before = backup.wait_phase("Completed")
    wait_for(lambda: not backup.job(), 20, "the Job is gone")
    kubectl.patch("etcdb", backup.name, {"spec": {"deadline": "2h"}}, backup.namespace)
    after = backup.wait(lambda status: status["observedGeneration"] > before["observedGeneration"],
                        "the change is seen")
    assert {**after, "observedGeneration": 0} == {**before, "observedGeneration": 0}
    assert not backup.job()


# A schedule.

def test_schedule(made, store):
    """Each tick a backup of its own; what the retention does not keep goes, with its object."""
    scheduled = s3(made, "minutely", store, change={"prefix": "scheduled"}, schedule="* * * * *",
                   timeZone="Asia/Tokyo", retentionPolicy={"maxBackups": 1}).create()
    scheduled.wait(lambda status: status.get("phase") == "Scheduled", "Scheduled", 20)
    first = scheduled.wait(lambda status: status.get("lastSuccessfulTime"), "a good backup", 100)
    children = scheduled.children()
    assert len(children) == 1
    assert children[0]["metadata"]["name"].startswith("minutely-")
    assert children[0]["status"]["phase"] == "Completed"
    assert first["lastScheduleTime"] <= first["lastSuccessfulTime"]
    assert condition({"status": first}, "Succeeding")["status"] == "True"
    assert not [pod for pod in kubectl.get_list("pods", made.namespace,
                                                "etcd.etcd.io/purpose=tick")]

    def pruned():
        now = [child["metadata"]["name"] for child in scheduled.children()]
        if len(now) != 1 or now == [children[0]["metadata"]["name"]]:
            raise NotYet(str(now))
        return True
    wait_for(pruned, 100, "the second backup has taken the first one's place")
    names = sorted(name for name in store.objects() if name.startswith("scheduled/"))
    assert len(names) == 2 and names[1] == names[0] + ".json", names
    kubectl.patch("etcdb", scheduled.name, {"spec": {"suspend": True}}, scheduled.namespace)
    scheduled.wait_phase("Suspended")
    wait_for(lambda: kubectl.get("cronjob", "minutely", made.namespace)["spec"]["suspend"], 10,
             "the CronJob is suspended")
    scheduled.delete()
    scheduled.wait_gone()


def test_schedule_that_kubernetes_refuses(made, store):
    scheduled = s3(made, "odd", store, schedule="61 * * * *").create()
    status = scheduled.wait_told("end of range (61) above maximum (59)")
    assert condition({"status": status}, "Scheduled")["status"] == "False"


# What goes wrong is told.

def test_wrong_credentials(made, store):
    backup = s3(made, "refused", store, change={"secret": "wrong"}).create()
    status = backup.wait_phase("Failed")
    assert "credentials" in status["message"] or "SignatureDoesNotMatch" in status["message"]
    assert condition({"status": status}, "Failed")["status"] == "True"
    assert backup.job()["status"]["failed"] == 1, "another try would not have helped"
    assert not [name for name in store.objects() if "refused" in name]


def test_what_is_missing_is_waited_for_and_told(made, store):
    """Each goes on when it is there."""
    late = Cluster(made.namespace, "late", 1)
    waiting = {
        "no-cluster": s3(late, "no-cluster", store),
        "no-secret": s3(made, "no-secret", store, change={"secret": "later"}),
        "no-claim": local(made, "no-claim", local={"persistentVolumeClaim": "later"}),
        "no-room": s3(made, "no-room", store,
                      jobTemplate={"nodeSelector": {"example.com/no": "node"}}),
    }
    for backup in waiting.values():
        backup.create()
    waiting["no-cluster"].wait_told("there is no EtcdCluster late")
    assert waiting["no-cluster"].status()["phase"] == "Pending"
    waiting["no-secret"].wait_told('secret "later" not found')
    waiting["no-claim"].wait_told('persistentvolumeclaim "later" not found')
    waiting["no-room"].wait_told("finds no node")
    late.create()
    kubectl.create(secret(made.namespace, "later", credentials=stores.credentials()),
                   claim(made.namespace, "later"))
    for name in ("no-cluster", "no-secret", "no-claim"):
        waiting[name].wait_phase("Completed", 120)


@pytest.mark.parametrize("change,words", [
    ({"storageType": "GCS"}, "storageType"),
    ({"s3": None}, "spec.s3 must be given when spec.storageType is S3"),
    ({"storageType": "Local"}, "spec.local must be given"),
    ({"clusterName": None}, "clusterName"),
    ({"deadline": "1s"}, "deadline is out of range: use 1m to 168h"),
    ({"s3": {"prefix": "/x"}}, "prefix"),
    ({"s3": {"kmsKeyID": "k"}}, "s3.kmsKeyID names a key"),
], ids=str)
def test_refused_at_once(made, store, change, words):
    backup = s3(made, "wrong-spec", store)
    spec = merged(backup.spec, change)
    backup.spec = {key: value for key, value in spec.items() if value is not None}
    assert words in kubectl.refusal(backup.manifest())


def test_what_it_is_of_cannot_change(made, store):
    backup = s3(made, "fixed", store).create()
    with pytest.raises(kubectl.KubectlError, match="create another EtcdBackup"):
        kubectl.patch("etcdb", backup.name, {"spec": {"s3": {"bucket": "another"}}},
                      backup.namespace)
    kubectl.patch("etcdb", backup.name, {"spec": {"deletionPolicy": "Delete"}}, backup.namespace)
    backup.wait_phase("Completed")
    backup.delete()
    backup.wait_gone()
    assert not [name for name in store.objects() if "fixed" in name]


# A run that is stopped.

def test_deleted_while_it_runs(made, store):
    """The pod gets the time to abort its upload."""
    client = made.client()
    for i in range(BALLAST_KEYS):
        client.put(f"ballast-{i}", BALLAST)
    backup = s3(made, "stopped", store, compression=False, deletionPolicy="Delete",
                jobTemplate={"resources": {"requests": {"cpu": "10m"},
                                           "limits": {"cpu": "30m"}}}).create()  # It takes a while.

    def uploads():
        if not store.unfinished():
            raise NotYet(str(backup.status()))
        return True
    wait_for(uploads, 60, "an upload is under way", interval=0.02)
    backup.delete()
    backup.wait_gone(90)
    assert not store.unfinished()
    assert not [name for name in store.objects() if "stopped" in name]
    assert not backup.pods()
