"""An operator that ends in the middle of a restore, at every step of it: the next one goes on. Alone, for it
takes the operator from everybody."""
from harness import kubectl
from harness.backup import Backup
from harness.cluster import SMALL, Cluster, check_one_healthy_cluster
from harness.restore import Restore
from harness.wait import merged

STEPS = ["CreateCluster", "PrepareVolumes", "RestoreData", "StartCluster"]


def test_an_operator_that_ends_at_every_step(namespace, operator):
    cluster = Cluster(namespace, "c", 1).create()
    cluster.begin_client()
    kubectl.create({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
                    "metadata": {"name": "backups", "namespace": namespace},
                    "spec": {"accessModes": ["ReadWriteOnce"],
                             "resources": {"requests": {"storage": "256Mi"}}}})
    cluster.wait_running()
    cluster.client().put("before", "the loss")
    backup = Backup(namespace, "b", {"clusterName": "c", "storageType": "Local",
                                     "local": {"persistentVolumeClaim": "backups"}}).create()
    backup.wait_phase("Completed")
    cluster.delete()
    cluster.wait_gone()

    restore = Restore(namespace, "r", {
        "clusterName": "c", "backupName": "b", "clusterTemplate": merged(SMALL, {"size": 3})}).create()
    for i, step in enumerate(STEPS):
        restore.wait(lambda status, later=STEPS[i:]: status.get("step") in later, f"{step} or later")
        operator.replace_pod()
        operator.wait_ready()
    restore.wait_completed()
    restored = Cluster(namespace, "c", 3)
    check_one_healthy_cluster(restored)
    assert restored.client().get("before") == "the loss"
    assert not restored.status()["bootstrap"]["permits"]
