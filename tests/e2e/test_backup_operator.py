"""An EtcdBackup goes on whoever ends: the operator, its Job, the Job's pod. Alone, for the operator
is everybody's."""
import pytest

from harness import kubectl, store as stores
from harness.backup import Backup
from harness.cluster import Cluster
from harness.wait import NotYet, wait_for


@pytest.fixture(name="made")
def _made(namespace, testbed):
    del testbed
    with stores.running() as server:
        cluster = Cluster(namespace, "c", 1).create()
        kubectl.create({"apiVersion": "v1", "kind": "Secret",
                        "metadata": {"name": "store", "namespace": namespace},
                        "stringData": {"credentials": stores.credentials()}})
        cluster.wait_running()
        yield cluster, server


@pytest.mark.parametrize("victim", ["operator", "job", "pod"])
def test_goes_on(made, operator, victim):
    cluster, server = made
    backup = Backup(cluster.namespace, "b", {"clusterName": "c", "storageType": "S3",
                                             "s3": server.spec()}).create()

    def begun():
        if not backup.pods():
            raise NotYet(str(backup.status()))
        return True
    wait_for(begun, 30, "there is a pod", interval=0.05)
    if victim == "operator":
        operator.replace_pod()
        operator.wait_ready()
    elif victim == "job":
        kubectl.delete("job", "b-save", cluster.namespace)
    else:
        kubectl.delete("pod", backup.pods()[0]["metadata"]["name"], cluster.namespace, force=True)
    status = backup.wait_phase("Completed", 90)
    names = sorted(server.objects())
    assert len(names) == 2 and status["location"].endswith(names[0]), names
    assert not server.unfinished()
    if victim == "operator":
        operator.replace_pod()
        operator.wait_ready()
        other = Backup(cluster.namespace, "other", backup.spec).create()
        other.wait_phase("Completed", 90)
        assert backup.status() == status and not backup.job(), "it was taken again"
