"""Chaos between the operator and the API server: whatever the wire does, everything converges and the
operator keeps its size. One minute of it here; `make chaos-wire` runs it for longer."""
import os
import random
import threading
import time

import pytest

from harness import kubectl
from harness.cluster import CHILD_KINDS, Cluster, check_one_healthy_cluster, describe, is_running
from harness.wait import NotYet, wait_for
from harness.wire import OperatorProcess, PermitWatch, Proxy

MINUTES = float(os.environ.get("WIRE_MINUTES", "1"))
SEED = int(os.environ.get("WIRE_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
LONG = MINUTES > 2

# A client notices a silent watch after three minutes: only a long run can wait for that.
SILENCE_SECONDS = 0 if LONG else 8
CONVERGE_SECONDS = 300 if LONG else 120
IN_FLIGHT = 3

# At rest after the run, against at rest after the warm-up. The allocator's pages are never quite those
# of before; and connections to the API server are kept for the next request, four for reading and
# four for writing.
GROWTH_MIB = 2
IDLE_CONNECTIONS = 8
QUIET_SECONDS = 60 if LONG else 12


class Load(threading.Thread):
    """One cluster after the other: made, changed, harmed and deleted, at whatever point of its
    creation it is by then."""

    def __init__(self, namespace, name, chance, until):
        super().__init__(daemon=True)
        self.namespace, self.name, self.chance, self.until = namespace, name, chance, until
        self.made = 0
        self.changed = 0
        self.ran = 0
        self.left = None  # The cluster that it left behind, to converge.
        self.problem = None

    def run(self):
        try:
            while not self.left:
                self.one_cluster()
        except Exception as problem:  # pylint: disable=broad-except
            self.problem = problem

    def one_cluster(self):
        size = self.chance.choice([1, 3])
        cluster = Cluster(self.namespace, f"{self.name}-{self.made}", size).create()
        self.made += 1
        patience = time.monotonic() + self.chance.choice([1, 4, 60, 60])
        while time.monotonic() < min(patience, self.until) and not is_running(cluster.get()):
            time.sleep(0.5)
        self.ran += is_running(cluster.get())
        self.change(cluster)
        if time.monotonic() >= self.until:
            self.left = cluster
            return
        cluster.delete()
        # The next one comes when this one is gone, or while it still goes.
        patience = time.monotonic() + self.chance.choice([0, 5, 40])
        while time.monotonic() < min(patience, self.until) and cluster.get():
            time.sleep(0.5)

    def change(self, cluster):
        what = self.chance.choice(["option", "service", "label", "nothing"])
        if what == "option":
            cluster.patch_spec({"etcd": {"snapshotCount": self.chance.randint(5000, 20000)}})
        elif what == "service":
            kubectl.delete("service", f"{cluster.name}-client", cluster.namespace)
        elif what == "label" and kubectl.get("service", f"{cluster.name}-peer", cluster.namespace):
            kubectl.run("label", "--overwrite", "service", f"{cluster.name}-peer",
                        "app.kubernetes.io/component=somebody", namespace=cluster.namespace)
        self.changed += what != "nothing"


def objects_of(namespace):
    """{cluster's name: {"Kind/name"}} of all that bears a cluster's label."""
    found = {}
    for item in kubectl.get_list(CHILD_KINDS, namespace, "etcd.etcd.io/cluster"):
        meta = item["metadata"]
        found.setdefault(meta["labels"]["etcd.etcd.io/cluster"], set()).add(
            f"{item['kind']}/{meta['name']}")
    return found


def is_as_desired(cluster):
    """Running, and nothing of what was harmed is still so."""
    now = cluster.get()
    if not is_running(now):
        raise NotYet(f"{cluster}: {describe(now)}")
    if not kubectl.get("service", f"{cluster.name}-client", cluster.namespace):
        raise NotYet(f"{cluster} has no client Service")
    peer = kubectl.get("service", f"{cluster.name}-peer", cluster.namespace)
    if not peer or peer["metadata"]["labels"]["app.kubernetes.io/component"] == "somebody":
        raise NotYet(f"{cluster}: the peer Service is not as it was")
    return True


def check_converged(namespace, kept):
    names = {cluster.name for cluster in kept}

    def only_these():
        clusters = {item["metadata"]["name"] for item in kubectl.get_list("etcd", namespace)}
        children = set(objects_of(namespace))
        if clusters != names or children != names:
            raise NotYet(f"clusters {clusters}, objects of {children}, wanted {names}")
        return True
    deadline = time.monotonic() + CONVERGE_SECONDS
    for cluster in kept:
        wait_for(lambda cluster=cluster: is_as_desired(cluster), deadline - time.monotonic(),
                 f"{cluster} is as desired")
    wait_for(only_these, deadline - time.monotonic(), "all that was deleted is gone")


@pytest.fixture(name="proxy")
def _proxy(testbed, tmp_path):
    del testbed  # The operator runs on this machine, from where only the testbed's pods are reached.
    proxy = Proxy(tmp_path, f"--seed={SEED}", f"--silence-seconds={SILENCE_SECONDS}",
                  f"--watch-seconds={20 if LONG else 6}", f"--outage-seconds={60 if LONG else 20}")
    yield proxy
    proxy.stop()


@pytest.fixture(name="process")
def _process(operator, installed, proxy, tmp_path):
    """Instead of the installed operator, which comes back afterwards."""
    operator.scale(0)
    process = OperatorProcess(tmp_path, proxy.server, installed["image"])
    yield process
    code = process.stop()
    operator.scale(1)
    operator.wait_ready()
    assert code == 0, f"exit code {code}: {process.log.name}"


@pytest.fixture(name="permits")
def _permits(namespace):
    permits = PermitWatch(namespace)
    yield permits
    permits.stop()


def run_load(namespace, seconds, prefix):
    """The workers, when they have ended. Each leaves its last cluster."""
    until = time.monotonic() + seconds
    workers = [Load(namespace, f"{prefix}{number}", random.Random(SEED + number), until)
               for number in range(IN_FLIGHT)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        if worker.problem:
            raise worker.problem
    return workers


def chaos(proxy, process, namespace, seconds, name):
    """(what the proxy has done so far, what the operator holds at rest afterwards)."""
    proxy.start_faults()
    workers = run_load(namespace, seconds, name)
    print(f"{name}: at the end of the faults {process.usage()}")
    counts = proxy.stop_faults()
    began = time.monotonic()
    kept = [worker.left for worker in workers]
    check_converged(namespace, kept)
    print(f"{name}: made {sum(worker.made for worker in workers)} clusters, saw "
          f"{sum(worker.ran for worker in workers)} run, changed "
          f"{sum(worker.changed for worker in workers)}; converged "
          f"{time.monotonic() - began:.0f} s after the faults")
    for cluster in kept:
        check_one_healthy_cluster(cluster)
        cluster.delete()
    check_converged(namespace, [])
    rest = process.lowest_usage(QUIET_SECONDS)
    print(f"{name}: at rest {rest}")
    return counts, rest


def test_everything_converges_whatever_the_wire_does(proxy, process, permits, namespace):
    print(f"\nseed {SEED}, {MINUTES:g} minutes")
    # A process that has met everything once has the size that it is to keep.
    _, warm = chaos(proxy, process, namespace, max(20, MINUTES * 6), "warm-up")
    counts, rest = chaos(proxy, process, namespace, MINUTES * 60, "run")

    print(f"done by the proxy: {counts}; the operator was started again {len(process.ends)} times")
    missing = sorted(name for name, times in counts.items() if not times)
    assert not missing, f"faults that never happened: {missing}"
    assert not permits.twice(), "permits to begin a new member were given twice"
    assert not process.unexplained_ends(), f"the operator ended by itself: {process.log.name}"
    assert rest["memory"] <= warm["memory"] + GROWTH_MIB
    assert rest["descriptors"] <= warm["descriptors"] + IDLE_CONNECTIONS
    assert rest["threads"] == warm["threads"]
