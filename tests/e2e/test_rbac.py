"""The operator has exactly the rights that it needs. These tests run last: they look back at all that
it did."""
import pathlib

import pytest

from harness import kubectl
from harness.cluster import is_running
from harness.operator import NAME, NAMESPACE, USER
from harness.wait import NotYet, stays, wait_for

STEADY_SECONDS = 30
WRITES = {"create", "update", "patch", "delete", "deletecollection"}
ROLES = ("etcd-operator", "etcd-operator-cluster")
OWN_ROLE = "etcd-operator-leader"  # Of its own namespace.

# Granted and not called in these tests, and why.
UNCALLED = {
    ("etcd.etcd.io", "etcdclusters/finalizers", "update"):
        "asked for by an admission plugin that most clusters do not run",
    ("etcd.etcd.io", "etcdbackups/finalizers", "update"): "likewise",
    ("batch", "jobs", "get"): "only to say whose a Job is that has a name of ours",
}


# What it may not do.

@pytest.mark.parametrize("question", [
    ("*", "*"),
    ("list", "secrets"), ("watch", "secrets"),
    ("create", "pods/exec"), ("create", "pods/attach"), ("create", "pods/ephemeralcontainers"),
    ("delete", "etcdclusters.etcd.etcd.io"),
    ("list", "nodes"), ("patch", "nodes"), ("delete", "persistentvolumes"), ("list", "namespaces"),
    ("create", "clusterroles"), ("escalate", "clusterroles"), ("bind", "clusterroles"),
    ("list", "leases"), ("create", "leases"), ("update", "leases"),
    ("impersonate", "serviceaccounts"), ("create", "serviceaccounts/token"),
    ("delete", "persistentvolumes"), ("create", "deployments"),
], ids=" ".join)
def test_may_not(operator, question):
    del operator
    assert not may(*question), question


def may(verb, resource):
    resource, _, subresource = resource.partition("/")  # kubectl would take it for a name.
    try:
        answer = kubectl.run("auth", "can-i", verb, resource, f"--subresource={subresource}",
                             f"--as={USER}", "--all-namespaces")
    except kubectl.KubectlError as error:
        assert str(error).rstrip().endswith("no"), error
        return False
    return answer.strip() == "yes"


def test_runs_as_its_own_service_account(operator):
    pod = operator.wait_ready()
    assert pod["spec"]["serviceAccountName"] == NAME
    variables = {item["name"] for item in pod["spec"]["containers"][0].get("env", [])}
    assert "KUBECONFIG" not in variables


def test_has_no_other_binding(operator):
    del operator
    bound = set()
    for kind in ("clusterrolebindings", "rolebindings"):
        for item in kubectl.get_list(kind, everywhere=kind == "rolebindings"):
            for subject in item.get("subjects", []):
                if subject["kind"] == "ServiceAccount" and subject["name"] == NAME and \
                        subject.get("namespace") == NAMESPACE:
                    bound.add(item["roleRef"]["name"])
    assert bound == {*ROLES, OWN_ROLE}


# Nothing to do, nothing written.

def test_writes_nothing_while_all_is_well(operator, testbed_or_none, shared):
    shared.wait_running()
    wait_until_settled(operator)
    pod = operator.restarts()
    start = testbed_or_none.audit_end() if testbed_or_none else 0
    before = operator.writes()
    stays(lambda: operator.writes() == before, STEADY_SECONDS, "the operator has written")
    assert operator.restarts() == pod
    assert all(is_running(item) for item in kubectl.get_list("etcd", everywhere=True))
    if testbed_or_none:
        written = [(event["verb"], event["requestURI"])
                   for event in testbed_or_none.audit_events(USER, start)
                   if event["verb"] in WRITES and event["objectRef"]["resource"] != "leases"]
        assert not written


def wait_until_settled(operator):
    """Only clusters that run, no namespace that goes away, and the last write a while ago."""
    seen = {"writes": -1, "times": 0}

    def settled():
        going = [item["metadata"]["name"] for item in kubectl.get_list("namespaces")
                 if "deletionTimestamp" in item["metadata"]]
        others = [item["metadata"]["name"] for item in kubectl.get_list("etcd", everywhere=True)
                  if not is_running(item)]
        if going or others:
            raise NotYet(f"namespaces that go: {going}, clusters that do not run: {others}")
        now = operator.writes()
        seen["times"] = seen["times"] + 1 if now == seen["writes"] else 0
        seen["writes"] = now
        return seen["times"] >= 3
    wait_for(settled, 150, "nothing changes any more", interval=1)


# The audit log: what it called, and what it is granted.

@pytest.fixture(scope="module", name="called")
def _called(testbed, installed):
    """All its requests in this run."""
    return testbed.audit_events(USER, installed["audit_start"])


def granted():
    """{(group, resource, verb)} of its roles."""
    found = set()
    roles = [kubectl.get("clusterrole", role) for role in ROLES]
    for rule in sum((role["rules"] for role in [*roles, kubectl.get("role", OWN_ROLE, NAMESPACE)]),
                    []):
        assert "*" not in rule["apiGroups"] + rule["resources"] + rule["verbs"]
        found |= {(group, resource, verb) for group in rule["apiGroups"]
                  for resource in rule["resources"] for verb in rule["verbs"]}
    return found


def triple(event):
    target = event["objectRef"]
    resource = "/".join(filter(None, [target["resource"], target.get("subresource")]))
    return target.get("apiGroup", ""), resource, event["verb"]


def test_was_never_forbidden(testbed, called):
    """An API server that has just started knows no rules yet, and forbids everything for a moment."""
    def starting(event):
        return any(began <= event["requestReceivedTimestamp"] <= ready
                   for began, ready in testbed.restarts)
    assert called
    forbidden = {(event["verb"], event["requestURI"], event["requestReceivedTimestamp"])
                 for event in called if not starting(event) and
                 event["annotations"].get("authorization.k8s.io/decision") != "allow"}
    assert not forbidden


def test_called_only_what_its_roles_grant(called):
    """Not what every authenticated user may do besides, but for asking what the API server is."""
    outside = {triple(event) for event in called if "objectRef" in event} - granted()
    assert not outside
    paths = {event["requestURI"] for event in called if "objectRef" not in event}
    assert paths <= {"/version", "/healthz", "/readyz"}


def test_every_right_was_used(request, called):
    files = {item.path.name for item in request.session.items}
    here = pathlib.Path(__file__).parent
    if request.config.deselected_any or files != {path.name for path in here.glob("test_*.py")}:
        pytest.skip("only a run of all tests uses every right")
    used = {triple(event) for event in called if "objectRef" in event}
    # An apply that makes its object is a patch in the log, and needs the right to create as well.
    used |= {(*triple(event)[:2], "create") for event in called
             if event["verb"] == "patch" and event.get("responseStatus", {}).get("code") == 201}
    unused = granted() - used - set(UNCALLED)
    assert not unused, f"granted and never called: {sorted(unused)}"
