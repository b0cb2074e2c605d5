"""kubectl as a library: it speaks to whatever cluster KUBECONFIG names."""
import json
import subprocess
import threading
import time

from harness.wait import TooLate

class KubectlError(AssertionError):
    """kubectl ended with an error; the text is what it wrote."""


def run(*arguments, namespace=None, stdin=None, timeout=60):
    """Runs kubectl and returns what it printed."""
    command = ["kubectl"]
    if namespace:
        command += ["--namespace", namespace]
    command += [str(argument) for argument in arguments]
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout,
                              check=False)
    except subprocess.TimeoutExpired as error:
        raise KubectlError(f"{' '.join(command)}: no end within {timeout} s") from error
    if done.returncode:
        raise KubectlError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def get(kind, name, namespace=None):
    """The object, or None."""
    text = run("get", kind, name, "-o", "json", "--ignore-not-found", namespace=namespace)
    return json.loads(text) if text.strip() else None


def get_list(kind, namespace=None, selector=None, everywhere=False):
    arguments = ["get", kind, "-o", "json"]
    if selector:
        arguments += ["--selector", selector]
    if everywhere:
        arguments.append("--all-namespaces")
    return json.loads(run(*arguments, namespace=namespace))["items"]


def get_raw(path):
    return run("get", "--raw", path)


def create(*objects):
    run("create", "-f", "-", stdin=as_list(objects))


def as_list(objects):
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})


def patch(kind, name, change, namespace=None, how="merge"):
    run("patch", kind, name, "--type", how, "--patch", json.dumps(change), namespace=namespace)


def annotate(kind, name, namespace, key, value):
    run("annotate", "--overwrite", kind, name, f"{key}={value}", namespace=namespace)


def delete(kind, name, namespace=None, wait=False, force=False):
    arguments = ["delete", kind, name, "--ignore-not-found", f"--wait={'true' if wait else 'false'}"]
    if force:
        arguments += ["--grace-period=0", "--force"]
    run(*arguments, namespace=namespace, timeout=120)


def refusal(*objects):
    """What the API server says when it refuses these objects (nothing is stored)."""
    try:
        run("create", "--dry-run=server", "-f", "-", stdin=as_list(objects))
    except KubectlError as error:
        return str(error)
    raise AssertionError(f"not refused: {json.dumps(objects)}")


def container_status(pod, container=0):
    """(restart count, state) of one container of a pod; (0, {}) before it has a status."""
    statuses = pod.get("status", {}).get("containerStatuses", [])
    if len(statuses) <= container:
        return 0, {}
    return statuses[container].get("restartCount", 0), statuses[container]


class Watch:
    """Every version of one object from now on, with the time at which it arrived here."""

    def __init__(self, kind, name, namespace):
        self.what = f"{kind} {namespace}/{name}"
        self.versions = []
        self.arrived = threading.Condition()
        self.process = subprocess.Popen(
            ["kubectl", "--namespace", namespace, "get", kind, name, "--watch", "-o", "json"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def __enter__(self):
        self.wait(lambda _: True, 15, "the first answer of the watch")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()

    def _read(self):
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if line.startswith("}"):
                version = (time.monotonic(), json.loads("".join(lines)))
                lines = []
                with self.arrived:
                    self.versions.append(version)
                    self.arrived.notify_all()

    def wait(self, predicate, seconds, what, since=0.0):
        """(time, object) of the first version that arrived after `since` and that fits."""
        deadline = time.monotonic() + seconds
        index = 0
        with self.arrived:
            while True:
                for at, version in self.versions[index:]:
                    if at >= since and predicate(version):
                        return at, version
                index = len(self.versions)
                rest = deadline - time.monotonic()
                if rest <= 0:
                    raise TooLate(f"{self.what}: {what}: not within {seconds} s "
                                  f"({len(self.versions)} versions seen)")
                self.arrived.wait(rest)
