"""Drift: what somebody changes by hand comes back."""
import pytest

from harness import kubectl
from harness.cluster import check_one_healthy_cluster, is_running
from harness.wait import NotYet, wait_for

pytestmark = pytest.mark.side_by_side


def test_a_deleted_service_comes_back(shared):
    shared.wait_running()
    uid = kubectl.get("service", "shared-client", shared.namespace)["metadata"]["uid"]
    kubectl.delete("service", "shared-client", shared.namespace)

    def another():
        found = kubectl.get("service", "shared-client", shared.namespace)
        return found and found["metadata"]["uid"] != uid
    wait_for(another, 30, "the client Service is there again")
    wait_for(lambda: shared.client().can_write("a new Service"), 60, "and serves")


@pytest.mark.parametrize("path, value", [
    ("/spec/ports/0/port", 9999),
    ("/spec/ports/0/targetPort", 1),
    ("/spec/selector/etcd.etcd.io~1cluster", "another"),
])
def test_a_changed_service_comes_back(shared, path, value):
    shared.wait_running()

    def spec():
        found = kubectl.get("service", "shared-client", shared.namespace)["spec"]
        return found["selector"], [(port["name"], port["port"], port["targetPort"])
                                   for port in found["ports"]]
    before = spec()
    kubectl.patch("service", "shared-client", [{"op": "replace", "path": path, "value": value}],
                  shared.namespace, how="json")

    def as_before():
        if spec() != before:
            raise NotYet(str(spec()))
        return True
    wait_for(as_before, 30, "the client Service is as it was")


def test_a_scaled_statefulset_comes_back(shared):
    """Members are the operator's: a StatefulSet scaled by hand is set right, and nobody was lost."""
    shared.wait_running()
    kubectl.run("scale", "statefulset/shared", "--replicas=2", namespace=shared.namespace)
    wait_for(lambda: kubectl.get("sts", "shared", shared.namespace)["spec"]["replicas"] == 3, 30,
             "three replicas again")
    check_one_healthy_cluster(shared)


def test_a_removed_budget_comes_back(shared):
    shared.wait_running()
    kubectl.delete("pdb", "shared", shared.namespace, wait=True)
    wait_for(lambda: kubectl.get("pdb", "shared", shared.namespace), 30, "the budget is there again")
    assert is_running(shared.get())
