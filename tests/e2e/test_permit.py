"""Who may start on an empty volume: a member's lost data never brings the old member back."""
import shutil

import pytest

from harness import kubectl
from harness.cluster import PERMIT, Cluster, check_one_healthy_cluster, condition
from harness.wait import NotYet, stays, wait_for

SIZES = {"emptied": 3, "replaced": 3, "alone": 3, "forged": 1}


@pytest.fixture(scope="module", name="made")
def _made(module_namespace):
    """All at once; each test harms its own."""
    return {name: Cluster(module_namespace, name, size).create() for name, size in SIZES.items()}


def another_pod(cluster, ordinal, uid):
    def there():
        pod = cluster.pod(ordinal)
        return pod and pod["metadata"]["uid"] != uid and \
            kubectl.container_status(pod)[1].get("state", {}).get("running")
    return wait_for(there, 60, f"another pod {cluster.pod_name(ordinal)}, running")


def check_member_waits(cluster, ordinal, members):
    """It waits and says why; the member list is as it was; the other two serve."""
    name = cluster.pod_name(ordinal)
    cluster.wait_told(name, "lost its data", seconds=60)
    now = cluster.get()
    degraded = condition(now, "Degraded")
    assert (degraded["status"], degraded["reason"]) == ("True", "MemberLostData")
    assert condition(now, "Available")["status"] == "True"
    assert not kubectl.container_status(cluster.pod(ordinal))[1]["ready"]
    client = cluster.client()
    assert client.members()[1] == members, "nobody touches the membership"
    wait_for(lambda: client.can_write(f"without {name}"), 30, "the other two serve")
    stays(lambda: waits_still(cluster, name), 5, f"{name} was started again")


def waits_still(cluster, name):
    member = next(member for member in cluster.status()["members"] if member["name"] == name)
    return not member["ready"] and not member["role"]


def test_a_member_whose_data_was_removed_waits(testbed, made, namespace):
    """rm -rf of its data, and kill -9 of its etcd: the same pod, the same permit, no data."""
    cluster = made["emptied"]
    check_one_healthy_cluster(cluster)
    members = cluster.client().members()[1]
    pod = cluster.pod(1)
    process = testbed.etcd_process(pod)
    volume = testbed.volume(cluster.claim(1))
    for entry in volume.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    testbed.signal_process(process, 9)
    check_member_waits(cluster, 1, members)
    assert cluster.pod(1)["metadata"]["uid"] == pod["metadata"]["uid"]
    # A new cluster's members start on empty volumes all the same, also now.
    check_one_healthy_cluster(Cluster(namespace, size=3).create())
    assert cluster.client().members()[1] == members


def test_a_member_whose_volume_was_replaced_waits(made):
    """A new pod with a new, empty claim."""
    cluster = made["replaced"]
    check_one_healthy_cluster(cluster)
    members = cluster.client().members()[1]
    uid = cluster.pod(2)["metadata"]["uid"]
    kubectl.delete("pvc", f"data-{cluster.pod_name(2)}", cluster.namespace)
    kubectl.delete("pod", cluster.pod_name(2), cluster.namespace)
    another_pod(cluster, 2, uid)
    check_member_waits(cluster, 2, members)


def test_a_pod_comes_back_without_the_operator(operator, made):
    cluster = made["alone"]
    check_one_healthy_cluster(cluster)
    client = cluster.client()
    client.put("earlier", "there")
    uids = {ordinal: cluster.pod(ordinal)["metadata"]["uid"] for ordinal in (0, 1)}
    operator.scale(0)
    try:
        for ordinal, uid in uids.items():
            kubectl.delete("pod", cluster.pod_name(ordinal), cluster.namespace)
            another_pod(cluster, ordinal, uid)
            wait_for(lambda pod=ordinal: ready(cluster, pod), 60, f"member {ordinal} is ready")
            own = f"https://{cluster.pod_name(ordinal)}.{cluster.name}-peer.{cluster.namespace}.svc:2379"
            wait_for(lambda url=own: reads(client, url) == "there", 30, f"member {ordinal} serves")
        client.put("meanwhile", "without the operator")
        assert not operator.pods()
    finally:
        operator.scale(1)
        operator.wait_ready()
    check_one_healthy_cluster(cluster)
    assert client.get("meanwhile") == "without the operator"


def ready(cluster, ordinal):
    pod = cluster.pod(ordinal)
    return pod and kubectl.container_status(pod)[1].get("ready")


def reads(client, url):
    try:
        return client.get("earlier", endpoints=[url])
    except kubectl.KubectlError as error:  # Its name may not resolve to the new pod yet.
        raise NotYet(str(error)) from error


def test_a_forged_permit_starts_nothing(made):
    """What is not a permit for this very pod does not count."""
    cluster = made["forged"]
    cluster.wait_running()
    uid = cluster.pod(0)["metadata"]["uid"]
    kubectl.delete("pvc", f"data-{cluster.pod_name(0)}", cluster.namespace)
    kubectl.delete("pod", cluster.pod_name(0), cluster.namespace)
    another_pod(cluster, 0, uid)
    for text in ("", "nonsense", '{"v":1,"mode":"new"}'):
        kubectl.annotate("pod", cluster.pod_name(0), cluster.namespace, PERMIT, text)
        cluster.wait(lambda now: now["status"]["phase"] == "Failed", "Failed: its data is lost")
        stays(lambda: not ready(cluster, 0), 3, f"it was started by {text!r}")
