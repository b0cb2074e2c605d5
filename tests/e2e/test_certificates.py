"""Certificates that have run out: members that cannot speak to each other keep their data."""
import base64
import subprocess

import pytest

from harness import kubectl
from harness.cluster import Cluster, check_one_healthy_cluster, not_ready
from harness.wait import NotYet, wait_for

pytestmark = pytest.mark.side_by_side(minutes=2)

# A kubelet brings a changed Secret to a pod with its next look at the pod.
ARRIVES_SECONDS = 150


@pytest.fixture(name="cluster")
def _cluster(namespace):
    cluster = Cluster(namespace, "c", 3).create()
    cluster.wait_running()
    return cluster


def secret_files(cluster, name):
    data = kubectl.get("secret", f"{cluster.name}-{name}", cluster.namespace)["data"]
    return {key: base64.b64decode(value) for key, value in data.items()}


def openssl(folder, *arguments):
    done = subprocess.run(["openssl", "x509", "-copy_extensions", "copyall", *arguments], cwd=folder,
                          check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def expired(folder, certificate, key, authority):
    """The same certificate, signed by the same authority, out of date since yesterday."""
    for name, content in {"old.crt": certificate, "old.key": key, "ca.crt": authority["tls.crt"],
                          "ca.key": authority["tls.key"]}.items():
        (folder / name).write_bytes(content)
    openssl(folder, "-x509toreq", "-in", "old.crt", "-signkey", "old.key", "-out", "new.csr")
    openssl(folder, "-req", "-in", "new.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-set_serial", "77",
            "-days", "-1", "-out", "new.crt")
    return (folder / "new.crt").read_bytes()


def let_expire(cluster, folder):
    """All that members show to each other."""
    authority = secret_files(cluster, "peer-ca")
    files = secret_files(cluster, "peer-tls")
    data = {f"{name}.crt": base64.b64encode(
        expired(folder, files[f"{name}.crt"], files[f"{name}.key"], authority)).decode()
            for name in ("tls", "client")}
    kubectl.patch("secret", f"{cluster.name}-peer-tls", {"data": data}, cluster.namespace)
    return {key: base64.b64decode(value) for key, value in data.items()}


def nudge(cluster):
    """Any change of a pod makes its kubelet look again at what it mounts."""
    for pod in cluster.pods():
        kubectl.annotate("pod", pod["metadata"]["name"], cluster.namespace, "e2e/looked",
                         str(int(pod["metadata"]["resourceVersion"])))


def wait_mounted(testbed, cluster, is_wanted):
    """Until every etcd has such peer certificates before it."""
    def mounted():
        nudge(cluster)
        for ordinal in range(cluster.size()):
            process = testbed.etcd_process(cluster.pod(ordinal))
            shown = testbed.file_of(process, "/etc/etcd-tls/peer/tls.crt")
            if not is_wanted(shown):
                raise NotYet(f"{cluster.pod_name(ordinal)} has another certificate")
        return True
    wait_for(mounted, ARRIVES_SECONDS, "the certificates are there", interval=3)


def test_expired_certificates_cost_no_data(testbed, cluster, tmp_path):
    client = cluster.client()
    client.put("earlier", "there")
    ids = {name: member["ID"] for name, member in client.members()[1].items()}
    folders = [testbed.volume(cluster.claim(i)) / "data" / "member" for i in range(3)]
    inodes = [(folder / "wal").stat().st_ino for folder in folders]

    cluster.patch_spec({"paused": True})  # Or the operator would issue new ones at once.
    cluster.wait(lambda now: now["status"]["phase"] == "Paused", "Paused")
    old = let_expire(cluster, tmp_path)
    wait_mounted(testbed, cluster, lambda shown: shown == old["tls.crt"])
    testbed.kill_etcd(cluster.pod(2))
    cluster.wait(lambda now: not_ready(now, "c-2"), "c-2 does not serve", 60)
    client.put("meanwhile", "there")  # The other two have not lost each other.

    cluster.patch_spec({"paused": False})
    wait_mounted(testbed, cluster, lambda shown: shown != old["tls.crt"])
    cluster.wait_running(120)
    check_one_healthy_cluster(cluster)
    assert client.get("earlier") == client.get("meanwhile") == "there"
    assert {name: member["ID"] for name, member in client.members()[1].items()} == ids
    assert [(folder / "wal").stat().st_ino for folder in folders] == inodes
