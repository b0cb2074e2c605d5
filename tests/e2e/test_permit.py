"""Who may start: a member with its data needs nobody, and no permit but the operator's own counts.
What becomes of members that have lost theirs is in test_heal.py."""
import pytest

from harness import kubectl
from harness.cluster import PERMIT, Cluster, check_one_healthy_cluster
from harness.wait import NotYet, stays, wait_for

def another_pod(cluster, ordinal, uid):
    def there():
        pod = cluster.pod(ordinal)
        return pod and pod["metadata"]["uid"] != uid and \
            kubectl.container_status(pod)[1].get("state", {}).get("running")
    return wait_for(there, 60, f"another pod {cluster.pod_name(ordinal)}, running")


def test_a_pod_comes_back_without_the_operator(operator, namespace):
    cluster = Cluster(namespace, size=3).create()
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


@pytest.mark.side_by_side
def test_a_forged_permit_starts_nothing(namespace):
    """What is not a permit for this very pod does not count."""
    cluster = Cluster(namespace, size=1).create()
    cluster.wait_running()
    uid = cluster.pod(0)["metadata"]["uid"]
    kubectl.delete("pvc", f"data-{cluster.pod_name(0)}", cluster.namespace)
    kubectl.delete("pod", cluster.pod_name(0), cluster.namespace)
    another_pod(cluster, 0, uid)
    for text in ("", "nonsense", '{"v":1,"mode":"new"}'):
        kubectl.annotate("pod", cluster.pod_name(0), cluster.namespace, PERMIT, text)
        cluster.wait(lambda now: now["status"]["phase"] == "Failed", "Failed: its data is lost")
        stays(lambda: not ready(cluster, 0), 3, f"it was started by {text!r}")
