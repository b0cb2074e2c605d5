"""What only the project's own testbed can do: faults of nodes and processes, its audit log.

The tests that need it are skipped on any other cluster."""
import contextlib
import datetime
import json
import os
import pathlib
import signal
import subprocess

from harness import kubectl
from harness.wait import NotYet, wait_for

WRITES = {"create", "update", "patch", "delete", "deletecollection"}
PROJECT = pathlib.Path(__file__).resolve().parents[3]


def find():
    """The testbed, if KUBECONFIG is its; else None."""
    done = subprocess.run([PROJECT / "testbed/env"], capture_output=True, text=True, check=False)
    kubeconfig = os.environ.get("KUBECONFIG", "")
    if done.returncode or not kubeconfig or f"KUBECONFIG={kubeconfig}\n" not in done.stdout:
        return None
    return Testbed(pathlib.Path(kubeconfig).parent)


def part(name):
    """The folder of a part, built if it is missing."""
    done = subprocess.run([PROJECT / "testbed/build", name], capture_output=True, text=True,
                          timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return pathlib.Path(done.stdout.splitlines()[-1])


def timestamp():
    """As the audit log writes it."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Testbed:
    def __init__(self, state):
        self.state = state
        self.restarts = []  # (from, to) of each time without an API server that is ready

    # Nodes.

    def node(self, command, name):
        """stop, start, partition, heal, freeze or thaw."""
        done = subprocess.run([PROJECT / "testbed/node", command, name], capture_output=True,
                              text=True, timeout=120, check=False)
        assert done.returncode == 0, f"testbed/node {command} {name}: {done.stdout}{done.stderr}"

    def node_exec(self, name, *command, stdin=None):
        """In the node's own namespaces."""
        done = subprocess.run([PROJECT / "testbed/node", "exec", name, *map(str, command)],
                              input=stdin, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"on {name}: {command}: {done.stdout}{done.stderr}"
        return done.stdout

    def load_image(self, tar):
        subprocess.run([PROJECT / "testbed/image-load", tar], check=True, timeout=120,
                       stdout=subprocess.DEVNULL)

    # Processes in pods: the machine's process ids.

    def etcd_process(self, pod):
        """The process id of etcd itself in this pod; the start helper does not count."""
        return self.process(pod, "etcd")

    def process(self, pod, program):
        """The process id of this program in this pod."""
        uid = pod["metadata"]["uid"]

        def found():
            for process in pathlib.Path("/proc").glob("[0-9]*"):
                if self._is_program_of(process, program, uid):
                    return int(process.name)
            raise NotYet("no such process")
        return wait_for(found, 20, f"a process of {program} in pod {pod['metadata']['name']}")

    @staticmethod
    def _is_program_of(process, program, uid):
        try:
            if (process / "comm").read_text().strip() != program:
                return False
            return f"POD_UID={uid}".encode() in (process / "environ").read_bytes().split(b"\0")
        except OSError:  # It has ended meanwhile.
            return False

    def kill_etcd(self, pod):
        self.signal_process(self.etcd_process(pod), signal.SIGKILL)

    @staticmethod
    def lives(process):
        try:
            state = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        return state not in "ZX"

    @staticmethod
    def signal_process(process, number):
        os.kill(process, number)

    @staticmethod
    def file_of(process, path):
        """A file as this process sees it."""
        return pathlib.Path(f"/proc/{process}/root{path}").read_bytes()

    @staticmethod
    def stop_at_stop_point(process, seconds):
        """Stops the process, all of it, when one of its threads waits for that."""
        def waits():
            return any((thread / "comm").read_text().strip() == "stop-point"
                       for thread in pathlib.Path(f"/proc/{process}/task").glob("[0-9]*"))
        wait_for(waits, seconds, f"process {process} waits to be stopped", interval=0.1)
        os.kill(process, signal.SIGSTOP)

    @staticmethod
    def cut_connections(process, port):
        """Those of the process's network to this port, as if the other side were gone."""
        done = subprocess.run(["nsenter", "-t", str(process), "-n", "ss", "--kill", "--no-header",
                               "--tcp", "dport", "=", str(port)],
                              capture_output=True, text=True, timeout=20, check=False)
        return len(done.stdout.splitlines())

    # Volumes: folders on this machine.

    def volume(self, claim):
        volume = kubectl.get("pv", claim["spec"]["volumeName"])
        handle = volume["spec"]["csi"]["volumeHandle"]
        folders = list(self.state.glob(f"volumes/*/{handle}"))
        assert len(folders) == 1, f"the folder of volume {handle}: {folders}"
        return folders[0]

    # The API server.

    def restart_api_server(self):
        """kill -9, and a new one that is ready."""
        with self.api_server_stopped():
            pass

    @contextlib.contextmanager
    def api_server_stopped(self):
        """kill -9, and at the end a new one that is ready."""
        began = timestamp()
        self._run_script("ending the API server", """
            kill -KILL "$(process_id host kube-apiserver)"
            while process_lives host kube-apiserver; do sleep 0.05; done
        """)
        try:
            yield
        finally:
            self._run_script("starting the API server", """
                host_start kube-apiserver
                wait_for 60 "the API server" "$STATE/log/kube-apiserver.log" apiserver_ready
            """)
            self.restarts.append((began, timestamp()))

    @staticmethod
    def _run_script(what, script):
        """With the functions of testbed/lib."""
        prelude = "set -euo pipefail; source testbed/lib/all.sh; take_lock\n"
        done = subprocess.run(["bash", "-c", prelude + script], cwd=PROJECT, capture_output=True,
                              text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{what}: {done.stdout}{done.stderr}"

    # The audit log.

    def changes(self, user, start):
        """What this user changed, but for Leases, after the offset `start`."""
        return [event for event in self.audit_events(user, start)
                if event["verb"] in WRITES and event["objectRef"]["resource"] != "leases"]

    def audit_end(self):
        return (self.state / "audit/audit.log").stat().st_size

    def audit_events(self, user, start):
        """The events of one user that were logged after the offset `start`."""
        events = []
        with open(self.state / "audit/audit.log", "rb") as log:
            log.seek(start)
            for line in log:
                if user.encode() not in line or not line.endswith(b"\n"):
                    continue
                event = json.loads(line)
                if event["user"]["username"] == user:
                    events.append(event)
        return events
