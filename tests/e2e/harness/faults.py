"""Faults, for tests on the testbed. Those that last end with the `with` that made them, whatever
happens in it; the others return when they have struck."""
import contextlib
import shutil
import subprocess

from harness import kubectl
from harness.operator import NAME
from harness.testbed import PROJECT, part
from harness.wait import wait_for

SLOW_LINK = PROJECT / "tests/chaos/slow_link.py"
TABLE = "inet chaos"


@contextlib.contextmanager
def power_cut(testbed, node):
    testbed.node("stop", node)
    try:
        yield
    finally:
        testbed.node("start", node)


@contextlib.contextmanager
def partitioned(testbed, node):
    testbed.node("partition", node)
    try:
        yield
    finally:
        testbed.node("heal", node)


@contextlib.contextmanager
def kubelet_frozen(testbed, node):
    testbed.node("freeze", node)
    try:
        yield
    finally:
        testbed.node("thaw", node)


def table(*rules):
    chains = "".join(f"chain c{number} {{\ntype filter hook {hook} priority {priority}\n{rule}\n}}\n"
                     for number, (hook, priority, rule) in enumerate(rules))
    return f"table {TABLE} {{\n{chains}}}\n"


@contextlib.contextmanager
def packet_rules(testbed, node, *rules):
    """nft rules on what comes to the node (`hook prerouting`) and what leaves it (`postrouting`)."""
    testbed.node_exec(node, "nft", "-f", "-", stdin=table(*rules))
    try:
        yield
    finally:
        testbed.node_exec(node, "nft", "delete", "table", *TABLE.split())


def deaf(testbed, node):
    """Nothing reaches it; what it sends goes out."""
    return packet_rules(testbed, node, ("prerouting", -400, 'iifname "eth0" drop'))


def mute(testbed, node):
    """It hears everything; nothing that it sends goes out."""
    return packet_rules(testbed, node, ("postrouting", 400, 'oifname "eth0" drop'))


def lossy(testbed, node, percent):
    """So many of a hundred packets are lost, each way."""
    drop = f"numgen random mod 100 < {percent} drop"
    return packet_rules(testbed, node, ("prerouting", -400, f'iifname "eth0" {drop}'),
                        ("postrouting", 400, f'oifname "eth0" {drop}'))


@contextlib.contextmanager
def slow(node, milliseconds):
    """Each packet of the node takes so much longer, each way."""
    relay = subprocess.Popen([SLOW_LINK, f"ve-{node}", "etb0", str(milliseconds)],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert relay.stdout.readline() == "ready\n"
        yield
    finally:
        relay.stdin.close()
        ended = relay.wait(timeout=20)
        relay.stdout.close()
        assert ended == 0, "the relay of the slow link failed"


@contextlib.contextmanager
def operator_cut_off(testbed, operator):
    """It reaches the API server, and no member of any cluster."""
    def nft(*arguments, stdin=None):
        subprocess.run(["nsenter", "-t", str(process), "-n", "nft", *arguments], input=stdin,
                       text=True, check=True, timeout=20)
    process = testbed.process(operator.leader(), NAME)
    nft("-f", "-", stdin=table(("output", 0, "tcp dport { 2379, 2380, 2381 } drop")))
    try:
        yield
    finally:
        nft("delete", "table", *TABLE.split())


# Pods and processes.

def another_pod(cluster, ordinal, uid, seconds=60):
    wait_for(lambda: (cluster.pod(ordinal) or {}).get("metadata", {}).get("uid", uid) != uid, seconds,
             f"another pod {cluster.pod_name(ordinal)}", interval=0.2)


def delete_pod(cluster, ordinal, force=False):
    uid = cluster.pod(ordinal)["metadata"]["uid"]
    kubectl.delete("pod", cluster.pod_name(ordinal), cluster.namespace, force=force)
    another_pod(cluster, ordinal, uid)


def kill_etcd(testbed, cluster, ordinal):
    pod = cluster.pod(ordinal)
    restarts = kubectl.container_status(pod)[0]
    testbed.kill_etcd(pod)
    wait_for(lambda: kubectl.container_status(cluster.pod(ordinal))[0] > restarts, 60,
             f"etcd in {cluster.pod_name(ordinal)} is started again", interval=0.2)


# Data.

def wipe(folder):
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def wipe_volumes(testbed, cluster, *ordinals):
    """rm -rf of their data, and kill -9 of their etcds."""
    harmed = [(testbed.volume(cluster.claim(ordinal)), testbed.etcd_process(cluster.pod(ordinal)))
              for ordinal in ordinals]
    for volume, process in harmed:
        wipe(volume)
        testbed.signal_process(process, 9)


def delete_claim(cluster, ordinal):
    """At once: a pod that uses it, or comes back for it, does not keep it."""
    name = f"data-{cluster.pod_name(ordinal)}"
    kubectl.delete("pvc", name, cluster.namespace)
    kubectl.patch("pvc", name, {"metadata": {"finalizers": None}}, cluster.namespace)


def data_folder(testbed, cluster, ordinal):
    """etcd's `member`, on this machine."""
    return testbed.volume(cluster.claim(ordinal)) / "data/member"


@contextlib.contextmanager
def etcd_stopped(testbed, cluster, ordinal):
    """kill -9, and nobody starts it again meanwhile: its kubelet hangs."""
    pod = cluster.pod(ordinal)
    process = testbed.etcd_process(pod)
    with kubelet_frozen(testbed, pod["spec"]["nodeName"]):
        testbed.signal_process(process, 9)
        wait_for(lambda: not testbed.lives(process), 20, f"process {process} is gone", interval=0.05)
        yield


@contextlib.contextmanager
def volume_covered(testbed, cluster, ordinal):
    """(node, the volume's folder, the folder where the pod sees it). etcd ends, and what is mounted there
    in the body is its disk from then on, until the node starts anew or the pod goes."""
    pod, claim = cluster.pod(ordinal), cluster.claim(ordinal)
    target = (f"/var/lib/kubelet/pods/{pod['metadata']['uid']}/volumes/kubernetes.io~csi/"
              f"{claim['spec']['volumeName']}/mount")
    with etcd_stopped(testbed, cluster, ordinal):
        # Or it would lie over the volume as well.
        testbed.node_exec(pod["spec"]["nodeName"], "mount", "--make-private", target)
        yield pod["spec"]["nodeName"], testbed.volume(claim), target


def lossy_disk(testbed, cluster, ordinal):
    """Its disk loses what was not synced when its node loses its power: testbed/lossyfs.c."""
    with volume_covered(testbed, cluster, ordinal) as (node, volume, target):
        testbed.node_exec(node, part("lossyfs") / "lossyfs", volume, target)


@contextlib.contextmanager
def slow_sync(testbed, cluster, ordinal, milliseconds):
    """Each sync of its lossy disk takes so long."""
    volume = testbed.volume(cluster.claim(ordinal))
    told = volume.with_name(f"{volume.name}.fsync_ms")
    told.write_text(str(milliseconds))
    try:
        yield
    finally:
        told.unlink()
