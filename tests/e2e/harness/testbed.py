"""What only the project's own testbed can do: faults of nodes and processes, its audit log.

The tests that need it are skipped on any other cluster."""
import datetime
import json
import os
import pathlib
import signal
import subprocess

from harness import kubectl
from harness.wait import NotYet, wait_for

PROJECT = pathlib.Path(__file__).resolve().parents[3]


def find():
    """The testbed, if KUBECONFIG is its; else None."""
    done = subprocess.run([PROJECT / "testbed/env"], capture_output=True, text=True, check=False)
    kubeconfig = os.environ.get("KUBECONFIG", "")
    if done.returncode or not kubeconfig or f"KUBECONFIG={kubeconfig}\n" not in done.stdout:
        return None
    return Testbed(pathlib.Path(kubeconfig).parent)


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
        """stop, start, partition or heal."""
        done = subprocess.run([PROJECT / "testbed/node", command, name], capture_output=True,
                              text=True, timeout=120, check=False)
        assert done.returncode == 0, f"testbed/node {command} {name}: {done.stdout}{done.stderr}"

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
    def signal_process(process, number):
        os.kill(process, number)

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
        script = """
            set -euo pipefail
            source testbed/lib/all.sh
            take_lock
            pid=$(process_id host kube-apiserver)
            kill -KILL "$pid"
            while process_lives host kube-apiserver; do sleep 0.05; done
            host_start kube-apiserver
            wait_for 60 "the API server" "$STATE/log/kube-apiserver.log" apiserver_ready
        """
        began = timestamp()
        done = subprocess.run(["bash", "-c", script], cwd=PROJECT, capture_output=True, text=True,
                              timeout=120, check=False)
        assert done.returncode == 0, f"restarting the API server: {done.stdout}{done.stderr}"
        self.restarts.append((began, timestamp()))

    # The audit log.

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
