"""Fixtures of the end-to-end tests. What they need and how to run them: README.md."""
import os
import shutil
import subprocess

import pytest

from harness import cluster as clusters
from harness import kubectl
from harness import testbed as testbeds
from harness.cluster import Cluster
from harness.operator import NAMESPACE, Operator
from harness.wait import NotYet, wait_for

PROJECT = testbeds.PROJECT
HOOKS_IMAGE = "etcd-operator:test-hooks"
HOOKS_TAR = PROJECT / "build/etcd-operator-test-hooks-image.tar"


# What is asked of the whole run comes last: the audit log then holds all that the operator did.
def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.name == "test_rbac.py")


def pytest_configure(config):
    config.deselected_any = False


def pytest_deselected(items):
    if items:
        items[0].config.deselected_any = True


@pytest.fixture(scope="session", name="testbed_or_none")
def _testbed_or_none():
    if not shutil.which("kubectl") or not os.environ.get("KUBECONFIG"):
        pytest.exit("the end-to-end tests need kubectl and KUBECONFIG: see tests/e2e/README.md", 2)
    return testbeds.find()


@pytest.fixture(scope="session")
def testbed(testbed_or_none):
    """For faults that only the project's own testbed can make."""
    if not testbed_or_none:
        pytest.skip("KUBECONFIG is not the testbed's: nodes and processes cannot be harmed there")
    return testbed_or_none


@pytest.fixture(scope="session")
def audit_start(testbed_or_none):
    """Where the audit log ended when the operator was not there yet."""
    return testbed_or_none.audit_end() if testbed_or_none else 0


@pytest.fixture(scope="session", name="image")
def _image(testbed_or_none):
    """(name, tar) of the operator's test build. On the testbed it is built and loaded; elsewhere
    ETCD_OPERATOR_E2E_IMAGE names one that the nodes can pull."""
    named = os.environ.get("ETCD_OPERATOR_E2E_IMAGE")
    if named:
        return named, None
    if not testbed_or_none:
        return HOOKS_IMAGE, None
    if not os.environ.get("ETCD_OPERATOR_E2E_KEEP_BUILD") or not HOOKS_TAR.exists():
        subprocess.run(["make", "image-test"], cwd=PROJECT, check=True, timeout=600,
                       stdout=subprocess.DEVNULL)
    testbed_or_none.load_image(HOOKS_TAR)
    return HOOKS_IMAGE, HOOKS_TAR


@pytest.fixture(scope="session", autouse=True)
def operator(image, audit_start, tmp_path_factory):
    """The operator as deploy/ installs it, and all namespaces gone at the end."""
    del audit_start  # Only its order matters: before the first request.
    installed = Operator(tmp_path_factory.mktemp("operator"))
    installed.install(*image)
    yield installed
    try:
        remove_namespaces(installed)
    finally:
        installed.remove()


def namespaces_left():
    return [item["metadata"]["name"]
            for item in kubectl.get_list("namespaces", selector="etcd.etcd.io/e2e=true")]


def remove_namespaces(installed):
    """The operator must be able to let go of clusters whose namespace is being deleted. Where it
    cannot, that is a failure, and nothing is left behind all the same."""
    installed.scale(1)
    for name in clusters.live_namespaces[:]:
        clusters.drop_namespace(name)

    def gone():
        clusters.sweep_namespaces()
        left = namespaces_left()
        if left:
            raise NotYet(", ".join(left))
        return True
    try:
        wait_for(gone, 120, "all test namespaces are gone", interval=1)
    except AssertionError:
        for namespace in namespaces_left():
            for item in kubectl.get_list("etcd", namespace):
                kubectl.patch("etcd", item["metadata"]["name"],
                              {"metadata": {"finalizers": None}}, namespace)
        raise


@pytest.fixture
def namespace(operator):
    """A namespace for one test."""
    del operator
    name = clusters.new_namespace()
    yield name
    clusters.drop_namespace(name)


@pytest.fixture(scope="module")
def module_namespace(operator):
    """A namespace for the tests of one file."""
    del operator
    name = clusters.new_namespace()
    yield name
    clusters.drop_namespace(name)


@pytest.fixture(scope="session")
def shared(operator):
    """Three members with TLS, for tests that leave a cluster as they found it."""
    del operator
    name = clusters.new_namespace()
    yield Cluster(name, "shared").create()
    clusters.drop_namespace(name)


# What a person would look at first, added to the report of a test that failed.

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed and call.excinfo and not isinstance(call.excinfo.value, pytest.skip.Exception):
        report.sections.append(("the cluster", "\n".join(evidence(item))))


def namespaces_of(item):
    """Those of the clusters that the test used; if there are none, the newest one."""
    found = []
    for value in getattr(item, "funcargs", {}).values():
        values = value.values() if isinstance(value, dict) else \
            value if isinstance(value, (list, tuple)) else [value]
        for each in values:
            name = each.namespace if isinstance(each, Cluster) else each
            if isinstance(name, str) and name in clusters.live_namespaces and name not in found:
                found.append(name)
    return found or clusters.live_namespaces[-1:]


def evidence(item):
    commands = []
    for namespace in namespaces_of(item):
        commands += [
            (namespace, "get", "etcd,pods,pvc", "-o", "wide"),
            (namespace, "describe", "etcd"),
            (namespace, "get", "events", "--sort-by=.metadata.creationTimestamp",
             "-o", "custom-columns=T:.lastTimestamp,R:.reason,O:.involvedObject.name,M:.message"),
        ]
    commands += [(NAMESPACE, "get", "pods", "-o", "wide"),
                 (NAMESPACE, "logs", "deployment/etcd-operator", "--tail=60")]
    for namespace, *command in commands:
        yield f"--- kubectl -n {namespace} {' '.join(command)}"
        try:
            lines = kubectl.run(*command, namespace=namespace, timeout=15).splitlines()
            yield from lines[-80:]
        except kubectl.KubectlError as error:
            yield str(error)
