"""What happens to a cluster after its birth, timed: by the operator, and by hand in the same run.

Each row starts from a cluster at rest. Both sides have the same etcd, certificates, volumes and nodes;
the one by hand (hand.py) is told at once what has happened, and makes no mistakes."""

import base64
import pathlib
import statistics
import tempfile
import time

import hand
import kube

NAMESPACE, NAME = "bench-life", "c"
OLD, NEW = "3.5.35", "3.6.16"
SECRETS = [f"{NAME}-server-tls", f"{NAME}-peer-tls", f"{NAME}-client-tls"]


class ByOperator:
    def __init__(self, client):
        self.client = client

    def create(self, size, version):
        self.client.create({
            "apiVersion": "etcd.etcd.io/v1alpha1", "kind": "EtcdCluster",
            "metadata": {"name": NAME, "namespace": NAMESPACE},
            "spec": {"size": size, "version": version, "storage": {
                "size": "1Gi", "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}},
        })
        self.wait(size, version)

    def wait(self, size, version, since=None):
        """Running with so many members of that version, and (`since`) pods other than these."""
        def done(objects):
            now = objects[NAME]
            status = now.get("status", {})
            return (status.get("phase") == "Running" and status.get("ready") == f"{size}/{size}" and
                    status.get("currentVersion") == version and
                    status.get("observedGeneration") == now["metadata"]["generation"])
        if since:
            self.client.watch_until("Pod", NAMESPACE,
                                    lambda pods: uids(pods).isdisjoint(since) and hand.ready(pods, size))
        self.client.watch_until("EtcdCluster", NAMESPACE, done)
        self.client.watch_until("Pod", NAMESPACE, lambda pods: hand.ready(pods, size))

    def patch(self, **spec):
        self.client.merge_patch("EtcdCluster", NAMESPACE, NAME, {"spec": spec})

    def scale(self, old, new):
        del old
        self.patch(size=new)
        self.wait(new, self.version())

    def version(self):
        return self.client.get("EtcdCluster", NAMESPACE, NAME)["spec"]["version"]

    def kill(self, ordinal, size):
        pod = self.client.get("Pod", NAMESPACE, f"{NAME}-{ordinal}")
        self.client.delete("Pod", NAMESPACE, f"{NAME}-{ordinal}")
        self.wait(size, self.version(), {pod["metadata"]["uid"]})

    def lose_volume(self, ordinal, size):
        self.client.delete("PersistentVolumeClaim", NAMESPACE, f"data-{NAME}-{ordinal}")
        self.kill(ordinal, size)

    def upgrade(self, size, version):
        before = uids({pod["metadata"]["name"]: pod for pod in self.client.list("Pod", NAMESPACE)})
        self.patch(version=version)
        self.wait(size, version, before)

    def remove(self):
        self.client.delete("EtcdCluster", NAMESPACE, NAME)
        self.client.wait_gone("EtcdCluster", NAMESPACE)


class ByHand:
    def __init__(self, client, tls):
        self.client, self.tls, self.bare = client, tls, None

    def create(self, size, version):
        self.bare = hand.Hand(self.client, NAMESPACE, NAME, version, self.tls)
        self.bare.create(size)

    def scale(self, old, new):
        if new > old:
            self.bare.scale_out(old, new)
        else:
            self.bare.scale_in(old, new)

    def kill(self, ordinal, size):
        del size
        self.bare.delete_pod(ordinal)

    def lose_volume(self, ordinal, size):
        self.bare.replace_volume(ordinal, size)

    def upgrade(self, size, version):
        self.bare.roll(size, version)

    def remove(self):
        self.bare.remove()


def uids(pods):
    return {pod["metadata"]["uid"] for pod in pods.values()}


ROWS = [
    ("scale 1 to 3", lambda side: side.scale(1, 3)),
    ("scale 3 to 5", lambda side: side.scale(3, 5)),
    ("scale 5 to 3", lambda side: side.scale(5, 3)),
    ("pod deleted, to all ready", lambda side: side.kill(2, 3)),
    ("volume lost, to all ready", lambda side: side.lose_volume(2, 3)),
    (f"upgrade {OLD} to {NEW}, 3 members", lambda side: side.upgrade(3, NEW)),
]


def clean(client):
    client.wait_gone("Pod", NAMESPACE)
    for claim in client.list("PersistentVolumeClaim", NAMESPACE):
        client.delete("PersistentVolumeClaim", NAMESPACE, claim["metadata"]["name"])
    client.wait_gone("PersistentVolumeClaim", NAMESPACE)
    client.wait_gone("Service", NAMESPACE)


def run(side, client, between_s=6):
    """Seconds of each row. etcd lets no member in for five seconds after a change."""
    side.create(1, OLD)
    seconds = []
    for _, change in ROWS:
        time.sleep(between_s)
        started = time.monotonic()
        change(side)
        seconds.append(time.monotonic() - started)
    side.remove()
    clean(client)
    return seconds


def keep_secrets(client, folder):
    """The certificates of a cluster that the operator made: both sides use such."""
    ours = ByOperator(client)
    ours.create(1, OLD)
    kept = [client.get("Secret", NAMESPACE, name) for name in SECRETS]
    ours.remove()
    clean(client)
    for key in "tls.crt", "tls.key":
        (folder / key).write_bytes(base64.b64decode(kept[-1]["data"][key]))
    return kept


def with_secrets(client, secrets, work):
    for secret in secrets:
        client.create({"apiVersion": "v1", "kind": "Secret", "type": secret["type"],
                       "metadata": {"name": secret["metadata"]["name"], "namespace": NAMESPACE},
                       "data": secret["data"]})
    try:
        return work()
    finally:
        for secret in secrets:
            client.delete("Secret", NAMESPACE, secret["metadata"]["name"])


def report(ours, theirs):
    print(f"{'change':38} {'operator':>22} {'by hand':>22}  ratio")
    for row, (name, _) in enumerate(ROWS):
        a, b = [seconds[row] for seconds in ours], [seconds[row] for seconds in theirs]
        print(f"{name:38} {median(a):>22} {median(b):>22}  "
              f"{statistics.median(a) / statistics.median(b):.2f}")


def median(seconds):
    return f"{statistics.median(seconds):.1f} s ({min(seconds):.1f} to {max(seconds):.1f})"


def measure(client, rounds):
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    ours, theirs = [], []
    try:
        with tempfile.TemporaryDirectory() as folder:
            tls = pathlib.Path(folder)
            secrets = keep_secrets(client, tls)
            for number in range(rounds):
                ours.append(run(ByOperator(client), client))
                theirs.append(with_secrets(client, secrets, lambda: run(ByHand(client, tls), client)))
                print(f"  round {number + 1}: operator {' '.join(f'{s:.1f}' for s in ours[-1])}; "
                      f"by hand {' '.join(f'{s:.1f}' for s in theirs[-1])}", flush=True)
    finally:
        client.delete("Namespace", None, NAMESPACE)
        client.watch_until("Namespace", None, lambda objects: NAMESPACE not in objects)
    report(ours, theirs)


if __name__ == "__main__":
    measure(kube.Client(), 1)
