"""Every command that docs/operations.md shows in a line of its own is run as it stands there, with names
for what is in capitals. A command that is new there needs a step here."""
import re
import shlex
import subprocess

import pytest

from harness import kubectl
from harness.cluster import Cluster, is_running
from harness.operator import NAMESPACE
from harness.testbed import PROJECT
from harness.wait import wait_for

pytestmark = pytest.mark.side_by_side(minutes=2)

GUIDE = PROJECT / "docs/operations.md"
CHANGE_SECONDS = 180


def commands_of(text):
    """The indented lines that begin with kubectl, lines that go on joined."""
    joined = text.replace("\\\n", " ")
    found = re.findall(r"^ {4}(?:\$ )?(kubectl .*)$", joined, re.MULTILINE)
    return [" ".join(command.split()) for command in found]


COMMANDS = commands_of(GUIDE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module", name="cluster")
def _cluster(module_namespace):
    cluster = Cluster(module_namespace, "c", 3, spec={
        "version": "3.6.16", "storage": {"size": "256Mi"}, "etcd": {"snapshotCount": 100}})
    cluster.create().wait_running()
    return cluster


class Guide:
    """Runs the guide's command that begins so; a test takes each from the guide itself."""

    def __init__(self, cluster, installed):
        self.cluster, self.installed = cluster, installed
        self.ran = set()

    def run(self, beginning, replace=(), more=()):
        matching = [command for command in COMMANDS if command.startswith(beginning)]
        assert len(matching) == 1, f"{beginning!r} begins {matching}"
        command = matching[0]
        self.ran.add(command)
        # NAMESPACE/NAME and NAMESPACE first, so that NAME is what is left.
        for word, value in [*replace, ("NAMESPACE", self.cluster.namespace), ("NAME", self.cluster.name)]:
            command = command.replace(word, value)
        done = subprocess.run([*shlex.split(command), *more], cwd=PROJECT, capture_output=True, text=True,
                              timeout=120, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout


def settled(cluster, since):
    """Running for a spec that is newer than `since`."""
    cluster.wait(lambda now: now["metadata"]["generation"] > since and is_running(now),
                 "Running with what was asked for", CHANGE_SECONDS)


def generation(cluster):
    return cluster.get()["metadata"]["generation"]


def install(guide):
    # The test's own image stays: the API server only says what it would do.
    said = guide.run("kubectl apply --server-side -f", more=["--dry-run=server", "--force-conflicts"])
    assert "etcdclusters.etcd.etcd.io serverside-applied" in said
    said = guide.run("kubectl apply --server-side -k", more=["--dry-run=server", "--force-conflicts"])
    assert "deployment.apps/etcd-operator serverside-applied" in said
    assert "holderIdentity" in guide.run("kubectl -n etcd-operator-system get lease etcd-operator")


def look(guide):
    assert guide.cluster.name in guide.run("kubectl get etcd --all-namespaces")
    said = guide.run(f"kubectl exec -n {NAMESPACE}")
    assert "The rules, in the order" in said
    said = guide.run("kubectl get etcd NAME --namespace NAMESPACE --output jsonpath='{.status.conditions")
    assert said == "a linearizable read succeeded"


def scale(guide):
    before = generation(guide.cluster)
    guide.run("kubectl scale etcd")
    guide.cluster.spec["size"] = 5
    settled(guide.cluster, before)
    kubectl.run("scale", "etcd", guide.cluster.name, "--replicas=3", namespace=guide.cluster.namespace)
    guide.cluster.spec["size"] = 3
    guide.cluster.wait_running(CHANGE_SECONDS)


def give_up(guide):
    listed = guide.run("kubectl get etcd NAME --namespace NAMESPACE --output jsonpath='{.status.members")
    given_up = guide.cluster.status()["members"][2]["id"]
    assert f'"id":"{given_up}"' in listed
    guide.run("kubectl annotate etcd", replace=[("=ID", f"={given_up}")])

    def replaced():
        status = guide.cluster.status()
        return is_running(guide.cluster.get()) and given_up not in [m["id"] for m in status["members"]]
    wait_for(replaced, CHANGE_SECONDS, "the member has another id")


def change(guide):
    for field in ("recovery", "storage", "etcd", "version"):
        before = generation(guide.cluster)
        guide.run("kubectl patch etcd NAME --namespace NAMESPACE --type merge "
                  f"--patch '{{\"spec\": {{\"{field}\"")
        settled(guide.cluster, before)
    assert guide.cluster.status()["currentVersion"] == "3.7.3"
    assert guide.cluster.claim(0)["status"]["capacity"]["storage"] == "16Gi"


def remove(guide):
    guide.run("kubectl delete etcdb")
    guide.run("kubectl delete etcd --namespace", more=["--wait=false"])
    guide.cluster.wait_gone()
    said = guide.run("kubectl delete -k", more=["--dry-run=server"])
    assert "etcd-operator" in said


def test_every_command_of_the_guide(cluster, operator):
    guide = Guide(cluster, operator)
    for step in (install, look, scale, give_up, change, remove):
        step(guide)
    assert guide.ran == set(COMMANDS), f"no step runs {sorted(set(COMMANDS) - guide.ran)}"
