"""EtcdBackups as the tests make and look at them."""
from harness import kubectl
from harness.cluster import API
from harness.wait import NotYet, wait_for


class Backup:
    def __init__(self, namespace, name, spec):
        self.namespace = namespace
        self.name = name
        self.spec = spec

    def __str__(self):
        return f"backup {self.namespace}/{self.name}"

    def manifest(self):
        return {"apiVersion": API, "kind": "EtcdBackup",
                "metadata": {"name": self.name, "namespace": self.namespace}, "spec": self.spec}

    def create(self):
        kubectl.create(self.manifest())
        return self

    def get(self):
        return kubectl.get("etcdb", self.name, self.namespace)

    def status(self):
        return (self.get() or {}).get("status", {})

    def delete(self):
        kubectl.delete("etcdb", self.name, self.namespace)

    def wait(self, predicate, what, seconds=60):
        """The first status that fits."""
        def fits():
            status = self.status()
            if not predicate(status):
                raise NotYet(str(status))
            return status
        return wait_for(fits, seconds, f"{self}: {what}")

    def wait_phase(self, phase, seconds=90):
        return self.wait(lambda status: status.get("phase") == phase, phase, seconds)

    def wait_told(self, *words, seconds=60):
        """Until the message has all these words."""
        return self.wait(lambda status: all(word in status.get("message", "") for word in words),
                         f"a message with {' and '.join(map(repr, words))}", seconds)

    def wait_gone(self, seconds=60):
        def gone():
            now = self.get()
            if now:
                raise NotYet(str(now.get("status")))
            return True
        wait_for(gone, seconds, f"{self} is gone")

    def job(self, purpose="save"):
        return kubectl.get("job", f"{self.name}-{purpose}", self.namespace)

    def pods(self):
        return kubectl.get_list("pods", self.namespace, f"etcd.etcd.io/backup={self.name}")

    def children(self):
        """Of a scheduled one, in the order of their times."""
        return sorted(kubectl.get_list("etcdb", self.namespace, f"etcd.etcd.io/schedule={self.name}"),
                      key=lambda item: item["metadata"]["name"])
