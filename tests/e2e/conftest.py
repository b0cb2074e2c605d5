"""Fixtures of the end-to-end tests. What they need and how to run them: README.md."""
import contextlib
import os
import shutil
import subprocess
import tempfile

import pytest

from harness import cluster as clusters
from harness import kubectl
from harness import testbed as testbeds
from harness import workers
from harness.cluster import Cluster
from harness.operator import NAMESPACE, Operator
from harness.wait import NotYet, wait_for

PROJECT = testbeds.PROJECT
HOOKS_IMAGE = "etcd-operator:test-hooks"
HOOKS_TAR = PROJECT / "build/etcd-operator-test-hooks-image.tar"
LAST = "test_rbac.py"  # The audit log then holds all that the operator did.


# The order, and who runs beside whom: README.md.

def pytest_configure(config):
    config.addinivalue_line("markers", "side_by_side(minutes=0): harms nothing but its own clusters, "
                            "and does not mind what becomes of others")
    config.deselected_any = False


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """Whoever looks on, or stops at the first failure, has one test after the other."""
    if config.option.capture == "no" or config.option.usepdb or config.option.maxfail:
        workers.use_none(config)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: (workers.order(item), item.path.name == LAST))
    workers.mark_groups(items)


def pytest_deselected(items):
    if items:
        items[0].config.deselected_any = True


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config):
    """In the process that starts the workers: once for all of them."""
    config.pluginmanager.register(workers.Names())
    config.installation = contextlib.ExitStack()
    config.installed = config.installation.enter_context(installation())


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    node.workerinput["installed"] = node.config.installed


def pytest_sessionstart(session):
    if workers.is_worker(session.config):
        session.config.turn = workers.Turn(session.config.workerinput["installed"]["turn"])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    if workers.is_worker(item.config) and not workers.is_side_by_side(item):
        item.config.turn.wait_alone()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    """A worker leaves; the process that started them has seen them end."""
    if workers.is_worker(session.config):
        session.config.turn.leave()
    elif hasattr(session.config, "installation"):
        session.config.installation.close()


# The operator.

def find_testbed():
    if not shutil.which("kubectl") or not os.environ.get("KUBECONFIG"):
        pytest.exit("the end-to-end tests need kubectl and KUBECONFIG: see tests/e2e/README.md", 2)
    return testbeds.find()


def find_image(testbed):
    """(name, tar) of the operator's test build. On the testbed it is built and loaded; elsewhere
    ETCD_OPERATOR_E2E_IMAGE names one that the nodes can pull."""
    named = os.environ.get("ETCD_OPERATOR_E2E_IMAGE")
    if named:
        return named, None
    if not testbed:
        return HOOKS_IMAGE, None
    if not os.environ.get("ETCD_OPERATOR_E2E_KEEP_BUILD") or not HOOKS_TAR.exists():
        subprocess.run(["make", "image-test"], cwd=PROJECT, check=True, timeout=600,
                       stdout=subprocess.DEVNULL)
    testbed.load_image(HOOKS_TAR)
    return HOOKS_IMAGE, HOOKS_TAR


@contextlib.contextmanager
def installation():
    """The operator as deploy/ installs it, and all namespaces gone at the end. Gives what tests must
    know of it."""
    testbed = find_testbed()
    image = find_image(testbed)
    audit_start = testbed.audit_end() if testbed else 0
    with tempfile.TemporaryDirectory(prefix="etcd-operator-e2e-") as folder:
        operator = Operator()
        operator.install(folder, *image)
        try:
            yield {"image": image[0], "audit_start": audit_start, "turn": f"{folder}/turn"}
        finally:
            try:
                remove_namespaces(operator)
            finally:
                operator.remove()


@pytest.fixture(scope="session", name="testbed_or_none")
def _testbed_or_none():
    return find_testbed()


@pytest.fixture(scope="session")
def testbed(testbed_or_none):
    """For faults that only the project's own testbed can make."""
    if not testbed_or_none:
        pytest.skip("KUBECONFIG is not the testbed's: nodes and processes cannot be harmed there")
    return testbed_or_none


@pytest.fixture(scope="session", name="installed")
def _installed(request):
    """See installation(). A worker finds it made."""
    if workers.is_worker(request.config):
        yield request.config.workerinput["installed"]
        return
    with installation() as made:
        yield made


@pytest.fixture(scope="session", autouse=True)
def operator(installed):
    del installed
    return Operator()


def namespaces_left():
    return [item["metadata"]["name"]
            for item in kubectl.get_list("namespaces", selector="etcd.etcd.io/e2e=true")]


def remove_namespaces(installed):
    """The operator must be able to let go of clusters whose namespace is being deleted. Where it
    cannot, that is a failure, and nothing is left behind all the same."""
    installed.scale(1)
    for name in namespaces_left():
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
            for item in kubectl.get_list("etcd,etcdb", namespace):
                kubectl.patch(item["kind"], item["metadata"]["name"],
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
