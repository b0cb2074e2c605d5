"""EtcdRestores as the tests make and look at them."""
from harness import kubectl
from harness.cluster import API
from harness.wait import NotYet, wait_for


class Restore:
    def __init__(self, namespace, name, spec):
        self.namespace = namespace
        self.name = name
        self.spec = {"restoreType": "New", **spec}

    def __str__(self):
        return f"restore {self.namespace}/{self.name}"

    def manifest(self):
        return {"apiVersion": API, "kind": "EtcdRestore",
                "metadata": {"name": self.name, "namespace": self.namespace}, "spec": self.spec}

    def create(self):
        kubectl.create(self.manifest())
        return self

    def status(self):
        return (kubectl.get("etcdr", self.name, self.namespace) or {}).get("status", {})

    def wait(self, predicate, what, seconds=60):
        """The first status that fits."""
        def fits():
            status = self.status()
            if not predicate(status):
                raise NotYet(str(status))
            return status
        return wait_for(fits, seconds, f"{self}: {what}")

    def wait_completed(self, seconds=150):
        def completed(status):
            assert status.get("phase") != "Failed", status["message"]
            return status.get("phase") == "Completed"
        return self.wait(completed, "Completed", seconds)

    def wait_failed(self, *words, seconds=60):
        status = self.wait(lambda status: status.get("phase") == "Failed", "Failed", seconds)
        for word in words:
            assert word in status["message"], status["message"]
        return status

    def pods(self):
        return kubectl.get_list("pods", self.namespace, f"etcd.etcd.io/restore={self.name}")
