"""What is wrong is said in words, and mending the spec (or what it needs) mends the cluster, without
restarting the operator."""
import secrets

import pytest

from harness import kubectl
from harness.cluster import (API, ETCD_3_5, ETCD_3_6, SMALL, Cluster, check_one_healthy_cluster,
                             condition)
from harness.wait import merged, wait_for

pytestmark = pytest.mark.side_by_side


@pytest.fixture(scope="module", name="held")
def _held(module_namespace):
    """One member that runs."""
    spec = merged(SMALL, {"storage": {"size": "512Mi"}})
    return Cluster(module_namespace, "held", 1, spec).create()


# Refused at admission.

def cluster_with(name="c", **spec):
    return {"apiVersion": API, "kind": "EtcdCluster",
            "metadata": {"name": name, "namespace": "default"}, "spec": spec}


@pytest.mark.parametrize("manifest, words", [
    (cluster_with(size=4), ["spec.size", "4", "3", "5"]),
    (cluster_with(size=0), ["spec.size"]),
    (cluster_with(size=11), ["spec.size"]),
    (cluster_with(version="4.0"), ["spec.version", "4.0"]),
    (cluster_with(version="v3.6.16"), ["spec.version"]),
    (cluster_with(version="3.6"), ["spec.version"]),
    (cluster_with(name="c" * 53), ["at most 52", "names of Services and Pods"]),
    (cluster_with(name="1st"), ["begin with a letter"]),
    (cluster_with(etcd={"extraArgs": [{"name": "data-dir", "value": "/tmp"}]}),
     ["extraArgs", "manages itself"]),
    (cluster_with(etcd={"extraArgs": [{"name": "initial-cluster-state", "value": "existing"}]}),
     ["manages itself"]),
    (cluster_with(etcd={"extraArgs": [{"name": "--log-level", "value": "debug"}]}),
     ["extraArgs", "name"]),
    (cluster_with(etcd={"heartbeatInterval": "1s", "electionTimeout": "2s"}),
     ["electionTimeout", "5 times"]),
    (cluster_with(etcd={"autoCompactionMode": "revision", "autoCompactionRetention": "1h"}),
     ["autoCompactionRetention", "number of revisions"]),
    (cluster_with(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}),
     ["requests.cpu", "limits.cpu"]),
    (cluster_with(storage={"size": "1Mi"}), ["storage.size"]),
    (cluster_with(imagePullPolicy="Sometimes"), ["imagePullPolicy", "IfNotPresent"]),
    (cluster_with(nonsense=1), ["nonsense"]),
], ids=lambda value: "" if isinstance(value, list) else None)
def test_an_invalid_spec_is_refused(operator, manifest, words):
    del operator
    said = kubectl.refusal(manifest)
    for word in words:
        assert word in said


@pytest.mark.parametrize("change, words", [
    ({"storage": {"size": "256Mi"}}, ["cannot be made smaller", "create a new cluster"]),
    ({"security": {"tls": {"client": {"enabled": False}}}}, ["cannot be changed"]),
    ({"security": {"tls": {"peer": {"enabled": False}}}}, ["cannot be changed", "identity"]),
], ids=["size", "client TLS", "peer TLS"])
def test_an_impossible_change_is_refused(held, change, words):
    held.wait_running()  # Before that a size may be taken back.
    before = held.get()["spec"]
    with pytest.raises(kubectl.KubectlError) as refused:
        held.patch_spec(change)
    for word in words:
        assert word in str(refused.value)
    assert held.get()["spec"] == before


# What stands in the way of a creation. All begin at once; each test mends its own.

CASES = {
    "unschedulable": {"size": 1, "resources": {"requests": {"cpu": "1000"},
                                               "limits": {"cpu": "1000"}}},
    "image": {"size": 3, "version": "3.6.99"},
    "option": {"size": 3, "etcd": {"extraArgs": [{"name": "no-such-flag", "value": "1"}]}},
    "class": {"size": 1, "storage": {"storageClassName": ""}},  # Set below.
}


@pytest.fixture(scope="module", name="stuck")
def _stuck(module_namespace):
    CASES["class"]["storage"]["storageClassName"] = f"e2e-{secrets.token_hex(3)}"
    return {name: Cluster(module_namespace, name, spec=merged(SMALL, spec)).create()
            for name, spec in CASES.items()}


@pytest.fixture(name="same_operator")
def _same_operator(operator):
    """Nothing of this needs a restart of the operator."""
    before = operator.restarts()
    yield
    assert operator.restarts() == before


def check_said(cluster, reason, *words):
    """In `kubectl get etcd`, and in the conditions."""
    cluster.wait_told(*words)
    now = cluster.get()
    assert now["status"]["phase"] == "Creating"
    degraded = condition(now, "Degraded")
    assert (degraded["status"], degraded["reason"]) == ("True", reason)
    ready = condition(now, "Ready")
    assert ready["status"] == "False"
    for word in words:
        assert word in degraded["message"] and word in ready["message"]


def check_mended(cluster):
    check_one_healthy_cluster(cluster)
    now = cluster.get()
    assert now["status"]["message"] == ""
    assert condition(now, "Degraded")["status"] == "False"


@pytest.mark.usefixtures("same_operator")
def test_an_unschedulable_pod(stuck):
    cluster = stuck["unschedulable"]
    check_said(cluster, "Unschedulable", "unschedulable-0 cannot be scheduled", "Insufficient cpu")
    cluster.patch_spec({"resources": {"requests": {"cpu": "20m"}, "limits": {"cpu": "1"}}})
    check_mended(cluster)


@pytest.mark.usefixtures("same_operator")
def test_a_missing_image(stuck):
    cluster = stuck["image"]
    check_said(cluster, "ImageUnavailable", "cannot get its image", "v3.6.99", "spec.version")
    cluster.patch_spec({"version": ETCD_3_6})
    check_mended(cluster)


@pytest.mark.usefixtures("same_operator")
def test_an_option_that_etcd_does_not_know(stuck):
    cluster = stuck["option"]
    check_said(cluster, "EtcdExited", "flag provided but not defined", "no-such-flag")
    cluster.patch_spec({"etcd": {"extraArgs": []}})
    check_mended(cluster)


@pytest.mark.usefixtures("same_operator")
def test_a_missing_storage_class(stuck):
    cluster = stuck["class"]
    name = CASES["class"]["storage"]["storageClassName"]
    check_said(cluster, "VolumeUnavailable", f"StorageClass {name} does not exist", "create it")
    default = default_storage_class()
    default["metadata"] = {"name": name}
    kubectl.create(default)
    try:
        check_mended(cluster)
    finally:
        kubectl.delete("storageclass", name)


def default_storage_class():
    for item in kubectl.get_list("storageclasses"):
        annotations = item["metadata"].get("annotations", {})
        if annotations.get("storageclass.kubernetes.io/is-default-class") == "true":
            return item
    return pytest.skip("there is no default StorageClass to make another like it")


@pytest.mark.usefixtures("same_operator")
def test_an_exceeded_quota(namespace):
    kubectl.create({"apiVersion": "v1", "kind": "ResourceQuota",
                    "metadata": {"name": "tight", "namespace": namespace},
                    "spec": {"hard": {"count/persistentvolumeclaims": "10", "pods": "1"}}})
    cluster = Cluster(namespace, size=3).create()
    check_said(cluster, "PodsRefused", "pods cannot be made", "exceeded quota: tight")
    kubectl.delete("resourcequota", "tight", namespace)
    check_mended(cluster)


@pytest.mark.usefixtures("same_operator")
def test_a_quota_that_refuses_the_operator(namespace):
    """Not the pods, but what the operator makes itself."""
    kubectl.create({"apiVersion": "v1", "kind": "ResourceQuota",
                    "metadata": {"name": "tight", "namespace": namespace},
                    "spec": {"hard": {"count/services": "1"}}})
    wait_for(lambda: kubectl.get("resourcequota", "tight", namespace).get("status", {}).get("used"),
             30, "the quota is counted")
    cluster = Cluster(namespace, size=1).create()
    cluster.wait_told("Service c-", "exceeded quota: tight")
    assert condition(cluster.get(), "Degraded")["status"] == "True"
    kubectl.delete("resourcequota", "tight", namespace)
    check_mended(cluster)


# What is not carried out on a living cluster.

def test_a_change_that_is_held(held):
    held.wait_running()
    before = held.pod(0)["metadata"]["uid"]
    held.patch_spec({"version": ETCD_3_5})
    held.wait_told("spec.version", ETCD_3_5, "stays")
    now = held.get()
    applied = condition(now, "SpecApplied")
    assert (applied["status"], applied["reason"]) == ("False", "Held")
    assert applied["observedGeneration"] == now["metadata"]["generation"]
    assert condition(now, "Available")["status"] == "True"
    assert now["status"]["phase"] == "Running"
    assert len(held.pods()) == 1 and held.pod(0)["metadata"]["uid"] == before
    held.patch_spec({"version": ETCD_3_6})
    now = held.wait_running()
    assert condition(now, "SpecApplied")["status"] == "True"


# Objects of others under a name that the cluster needs.

def foreign_service(namespace, name):
    return {"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": namespace, "labels": {"of": "somebody"}},
            "spec": {"ports": [{"port": 80}], "selector": {"of": "somebody"}}}


def foreign_set(namespace, name):
    labels = {"of": "somebody"}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": {"replicas": 0, "serviceName": name, "selector": {"matchLabels": labels},
                     "template": {"metadata": {"labels": labels}, "spec": {
                         "containers": [{"name": "c", "image": "example.invalid/none"}]}}}}


def foreign_secret(namespace, name):
    return {"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace},
            "stringData": {"tls.crt": "somebody's"}}


TAKEN = {
    "of-service": (foreign_service, "Service", "of-service-client"),
    "of-set": (foreign_set, "StatefulSet", "of-set"),
    "of-secret": (foreign_secret, "Secret", "of-secret-server-tls"),
}


@pytest.mark.usefixtures("same_operator")
def test_a_name_that_is_taken(namespace):
    """Refused in words; the object of somebody else is not touched; its removal is the mend."""
    before = {}
    for make, kind, name in TAKEN.values():
        kubectl.create(make(namespace, name))
        before[name] = settled(kind, name, namespace)
    made = {name: Cluster(namespace, name, 1).create() for name in TAKEN}
    for cluster, (_, kind, name) in zip(made.values(), TAKEN.values()):
        cluster.wait_told(f"{kind} {name}", "does not belong to this cluster", "rename")
        assert cluster.status()["phase"] == "Failed"
        assert settled(kind, name, namespace) == before[name], "it was touched"
    for _, kind, name in TAKEN.values():
        kubectl.delete(kind, name, namespace)
    for cluster in made.values():
        check_mended(cluster)


def settled(kind, name, namespace):
    """What others have written into it (its own controller writes the status)."""
    found = kubectl.get(kind, name, namespace)
    return {key: found["metadata"].get(key) for key in ("uid", "labels", "annotations",
                                                        "ownerReferences", "generation")}, \
        found.get("spec"), found.get("data")


def test_deleting_a_cluster_leaves_a_foreign_object(namespace):
    kubectl.create(foreign_service(namespace, "c-client"))
    before = settled("Service", "c-client", namespace)
    cluster = Cluster(namespace, size=1).create()
    cluster.wait_told("Service c-client")
    cluster.delete()
    cluster.wait_gone()
    assert settled("Service", "c-client", namespace) == before
