"""A client that writes to a cluster all the time: testbed/go/writer, told where the members are."""
import base64
import json
import subprocess
import threading
import time

from harness import kubectl
from harness.testbed import part
from harness.wait import NotYet, wait_for

STEADY_WRITES = 200
ADDRESSES = r'{.metadata.name} {.status.podIP}{"\n"}'


class Writer:
    """Follows the addresses of the cluster's pods, as a client follows DNS."""

    def __init__(self, cluster, folder, *options):
        self.cluster = cluster
        self._keep_secret(folder)
        self.log = open(folder / "writer.log", "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [part("writer") / "writer", "-folder", folder, "-tls", folder,
             "-server-name", f"{cluster.name}-client.{cluster.namespace}.svc", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.asking = threading.Lock()
        self.addresses = {}
        self.closing = threading.Event()
        self.watch = None
        self.follower = threading.Thread(target=self._follow, daemon=True)
        self.follower.start()

    def _keep_secret(self, folder):
        data = kubectl.get("secret", f"{self.cluster.name}-client-tls", self.cluster.namespace)["data"]
        for name in ("ca.crt", "tls.crt", "tls.key"):
            path = folder / name
            path.touch(mode=0o600)
            path.write_bytes(base64.b64decode(data[name]))

    def _follow(self):
        while not self.closing.is_set():
            self.watch = subprocess.Popen(
                ["kubectl", "--namespace", self.cluster.namespace, "get", "pods", "--watch",
                 "--selector", f"etcd.etcd.io/cluster={self.cluster.name}",
                 "-o", f"jsonpath={ADDRESSES}"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            for line in self.watch.stdout:
                name, _, address = line.strip().partition(" ")
                if address and self.addresses.get(name) != address:
                    self.addresses[name] = address
                    self._tell_addresses()
            self.watch.stdout.close()
            self.watch.wait()
            self.closing.wait(0.5)

    def _tell_addresses(self):
        targets = {name: f"{address}:2379" for name, address in self.addresses.items()}
        self._ask(f"members {json.dumps(targets)}")

    def _ask(self, command):
        with self.asking:
            self.process.stdin.write(f"{command}\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        assert line, f"the writer has ended: see {self.log.name}"
        return json.loads(line)

    def state(self):
        return self._ask("state")

    def wait_steady(self, seconds=60, writes=STEADY_WRITES):
        """So many writes from now on are acknowledged, and each member of the cluster serves."""
        began = time.time()
        first = self.state()["writes"]["acknowledged"]

        def steady():
            now = self.state()
            count = now["writes"]["acknowledged"] - first
            if count < writes:
                raise NotYet(f"{count} writes; {now['writes']['last_error']}")
            return self.all_serve(began, now)
        wait_for(steady, seconds, "writes are acknowledged and every member serves", interval=0.1)

    def all_serve(self, since, state=None):
        """Each member has answered a linearizable read since then."""
        members = (state or self.state())["members"]
        silent = [name for name in map(self.cluster.pod_name, range(self.cluster.size()))
                  if members.get(name, {}).get("served", 0) < since]
        if silent:
            raise NotYet(f"{', '.join(silent)} did not answer a linearizable read")
        return True

    def leader(self):
        """The ordinal of the member that the others say leads."""
        def found():
            members = self.state()["members"]
            fresh = [member for member in members.values() if time.time() - member["served"] < 2]
            for name, member in members.items():
                votes = [other for other in fresh if other["leader"] == member["id"]]
                if member["id"] != "0" and 2 * len(votes) > len(members):
                    return name
            raise NotYet(str(members))
        return int(wait_for(found, 20, "a leader", interval=0.1).rpartition("-")[2])

    def lap(self):
        """The longest outage since the last lap, in seconds."""
        return self._ask("lap")["outage"]

    def stop(self):
        """Ends the writing, reads everything back: the report."""
        report = self._ask("stop")
        assert "error" not in report, report["error"]
        return report

    def close(self):
        self.closing.set()
        if self.watch:
            self.watch.kill()
        self.follower.join(timeout=10)
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.log.close()
