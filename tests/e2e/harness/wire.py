"""The operator as a process on this machine, with the chaos proxy between it and the API server."""
import base64
import json
import os
import pathlib
import re
import subprocess
import threading
import time

from harness import kubectl
from harness.operator import NAME, NAMESPACE
from harness.testbed import PROJECT

PROXY = PROJECT / "tests/chaos/wire_proxy.py"
PROGRAM = PROJECT / "build/hooks/src/cmd/etcd-operator"

# The client finds the API server as in a pod: by the environment and by the service account's files.
# They lie where only this process sees them.
IN_A_POD = """
set -e
mount -t tmpfs -o mode=0755 none /run
mkdir -p /run/secrets/kubernetes.io
ln -s "$1" /run/secrets/kubernetes.io/serviceaccount
shift
exec "$@"
"""


class Proxy:
    """See tests/chaos/wire_proxy.py."""

    def __init__(self, folder, *options):
        view = json.loads(kubectl.run("config", "view", "--raw", "--minify", "-o", "json"))
        cluster = view["clusters"][0]["cluster"]
        authority = cluster.get("certificate-authority")
        if not authority:
            authority = folder / "api-server-ca.crt"
            authority.write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
        self.log = open(folder / "proxy.log", "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [PROXY, "--server", cluster["server"], "--ca-file", authority, "--folder", folder,
             *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.server = self._answer()["server"]

    def _answer(self):
        line = self.process.stdout.readline()
        assert line, f"the proxy has ended: see {self.log.name}"
        return json.loads(line)

    def _ask(self, command):
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        return self._answer()

    def start_faults(self):
        return self._ask("on")

    def stop_faults(self):
        return self._ask("off")

    def counts(self):
        return self._ask("counts")

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=20)
        self.process.stdout.close()
        self.log.close()


class OperatorProcess:
    """Runs with the installed operator's own account, and is started again when it ends, as a
    kubelet would. `ends` has its exit codes."""

    def __init__(self, folder, server, image):
        self.folder = folder
        self.image = image
        self.host, self.port = re.fullmatch(r"https://([^:]+):(\d+)", server).groups()
        (folder / "token").write_text(
            kubectl.run("create", "token", NAME, "--duration=2h", namespace=NAMESPACE))
        (folder / "namespace").write_text(NAMESPACE)
        self.log = open(folder / "operator.log", "w", encoding="utf-8")
        self.ends = []
        self.stopping = threading.Event()
        self.process = self._start()
        self.keeper = threading.Thread(target=self._keep, daemon=True)
        self.keeper.start()

    def _start(self):
        environment = {**os.environ, "KUBERNETES_SERVICE_HOST": self.host,
                       "KUBERNETES_SERVICE_PORT": self.port, "POD_NAME": "etcd-operator-on-the-wire",
                       "POD_UID": "on-the-wire", "POD_NAMESPACE": NAMESPACE}
        environment.pop("KUBECONFIG", None)
        return subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "bash", "-c", IN_A_POD, "in-a-pod",
             self.folder, PROGRAM, f"--operator-image={self.image}", "--metrics-address=127.0.0.1:0",
             "--health-address=127.0.0.1:0"],
            stdout=self.log, stderr=subprocess.STDOUT, env=environment)

    def _keep(self):
        while True:
            code = self.process.wait()
            if self.stopping.is_set():
                return
            self.ends.append(code)
            if self.stopping.wait(1):
                return
            self.process = self._start()

    def unexplained_ends(self):
        """But for those of one that could not renew its Lease: it must end then."""
        with open(self.log.name, encoding="utf-8") as log:
            lost = sum("leadership lost" in line for line in log)
        return self.ends if self.ends != [1] * lost else []

    def stop(self):
        """Its exit code."""
        self.stopping.set()
        self.process.terminate()
        code = self.process.wait(timeout=40)
        self.keeper.join()
        self.log.close()
        return code

    def usage(self):
        """What it holds now: MiB of memory of its own, file descriptors, threads."""
        proc = pathlib.Path(f"/proc/{self.process.pid}")
        memory = re.search(r"^RssAnon:\s+(\d+) kB", (proc / "status").read_text(), re.M)
        return {"memory": int(memory[1]) / 1024,
                "descriptors": len(list((proc / "fd").iterdir())),
                "threads": len(list((proc / "task").iterdir()))}

    def lowest_usage(self, seconds):
        """What it does not go below: a request under way holds memory and connections."""
        until = time.monotonic() + seconds
        seen = []
        while time.monotonic() < until:
            seen.append(self.usage())
            time.sleep(0.5)
        return {what: min(each[what] for each in seen) for what in seen[0]}


class PermitWatch:
    """Every start permit that any pod of a namespace carries, from now on."""

    TEMPLATE = r'{.metadata.uid} {.metadata.annotations.etcd\.etcd\.io/start-permit}{"\n"}'

    def __init__(self, namespace):
        self.given = {}  # {(cluster's UID, generation, ordinal): {(pod's UID, nonce)}}
        self.process = subprocess.Popen(
            ["kubectl", "--namespace", namespace, "get", "pods", "--watch", "-o",
             f"jsonpath={self.TEMPLATE}"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            _, _, text = line.partition(" ")
            if text.strip():
                permit = json.loads(text)
                if permit["mode"] == "new":
                    key = permit["clusterUID"], permit["generation"], permit["ordinal"]
                    self.given.setdefault(key, set()).add((permit["podUID"], permit["nonce"]))

    def twice(self):
        return {key: seen for key, seen in self.given.items() if len(seen) > 1}

    def stop(self):
        lived = self.process.poll() is None
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        assert lived, "the watch of the permits ended before the test did"
