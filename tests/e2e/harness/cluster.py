"""EtcdClusters as the tests make and look at them."""
import math
import secrets

from harness import kubectl
from harness.client import Client
from harness.wait import NotYet, merged, wait_for

API = "etcd.etcd.io/v1alpha1"
ETCD_3_5, ETCD_3_6, ETCD_3_7 = "3.5.35", "3.6.16", "3.7.3"
PERMIT = "etcd.etcd.io/start-permit"
KILL = "test.etcd.etcd.io/kill"
STOP = "test.etcd.etcd.io/stop"

# Little is set aside for each member, and nothing stays when the cluster is deleted.
SMALL = {
    "version": ETCD_3_6,
    "storage": {
        "size": "256Mi",
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"},
    },
    "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}},
}

# Generous: a machine with two cores may start many members at once.
RUNNING_SECONDS = 120

# What a cluster is made of, and may leave behind.
CHILD_KINDS = ("statefulsets,pods,services,configmaps,secrets,poddisruptionbudgets,"
               "controllerrevisions,endpointslices,persistentvolumeclaims")

live_namespaces = []
dropped_namespaces = []


def new_namespace():
    """A namespace of a generated name that holds its pods to the restricted standard."""
    name = f"e2e-{secrets.token_hex(3)}"
    kubectl.create({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "labels": {
                "etcd.etcd.io/e2e": "true",
                "pod-security.kubernetes.io/enforce": "restricted",
            },
        },
    })
    live_namespaces.append(name)
    return name


def drop_namespace(name):
    """Asks for all in it to go; the namespace follows when its clusters are gone. (While pods end
    in it, the namespace controller would look at it every 16 s only.)"""
    kubectl.run("delete", "etcdb,etcd", "--all", "--wait=false", namespace=name)
    kubectl.run("delete", "pods", "--selector", "etcd.etcd.io/e2e=client", "--grace-period=0",
                "--force", "--wait=false", namespace=name)
    if name in live_namespaces:
        live_namespaces.remove(name)
    dropped_namespaces.append(name)
    sweep_namespaces()


def sweep_namespaces():
    busy = {item["metadata"]["namespace"]
            for item in kubectl.get_list("etcdb,etcd", everywhere=True)}
    for name in dropped_namespaces[:]:
        if name not in busy:
            kubectl.delete("namespace", name)
            dropped_namespaces.remove(name)


class Cluster:
    def __init__(self, namespace, name="c", size=None, spec=None, annotations=None):
        self.namespace = namespace
        self.name = name
        self.spec = merged(SMALL if spec is None else spec)
        self.annotations = annotations or {}
        if size:
            self.spec["size"] = size
        self._client = None

    def __str__(self):
        return f"{self.namespace}/{self.name}"

    # What a user does.

    def manifest(self):
        return {
            "apiVersion": API,
            "kind": "EtcdCluster",
            "metadata": {"name": self.name, "namespace": self.namespace,
                         "annotations": self.annotations},
            "spec": self.spec,
        }

    def create(self):
        kubectl.create(self.manifest())
        return self

    def patch_spec(self, change):
        kubectl.patch("etcd", self.name, {"spec": change}, self.namespace)

    def scale(self, size):
        kubectl.run("scale", "etcd", self.name, f"--replicas={size}", namespace=self.namespace)
        self.spec["size"] = size

    def annotate(self, key, value):
        kubectl.annotate("etcd", self.name, self.namespace, key, value)

    def delete(self):
        kubectl.delete("etcd", self.name, self.namespace)
        self._client = None

    def wait_gone(self, seconds=60):
        def gone():
            now = self.get()
            if now:
                raise NotYet(describe(now))
            return True
        wait_for(gone, seconds, f"{self} is gone")

    # What a user sees.

    def get(self):
        return kubectl.get("etcd", self.name, self.namespace)

    def status(self):
        return (self.get() or {}).get("status", {})

    def row(self):
        """Its line in `kubectl get etcd`."""
        return kubectl.run("get", "etcd", self.name, "--no-headers", namespace=self.namespace)

    def wait(self, predicate, what, seconds=60):
        """The first object that fits."""
        def fits():
            now = self.get()
            if not now or not predicate(now):
                raise NotYet(describe(now))
            return now
        return wait_for(fits, seconds, f"{self}: {what}")

    def wait_running(self, seconds=RUNNING_SECONDS):
        return self.wait(is_running, "Running with all members ready", seconds)

    def wait_told(self, *words, seconds=60):
        """Until the message, as `kubectl get etcd` shows it, has all these words."""
        self.wait(lambda now: all(word in now.get("status", {}).get("message", "") for word in words),
                  f"a message with {' and '.join(map(repr, words))}", seconds)
        row = self.row()
        for word in words:
            assert word in row, f"kubectl get etcd shows: {row}"

    def size(self):
        return self.spec.get("size", 3)

    def pod_name(self, ordinal):
        return f"{self.name}-{ordinal}"

    def pod(self, ordinal):
        return kubectl.get("pod", self.pod_name(ordinal), self.namespace)

    def pods(self):
        return kubectl.get_list("pods", self.namespace, f"etcd.etcd.io/cluster={self.name}")

    def claim(self, ordinal):
        return kubectl.get("pvc", f"data-{self.pod_name(ordinal)}", self.namespace)

    def children(self):
        """"Kind/name" of every object that bears the cluster's name, whoever made it."""
        found = set()
        for item in kubectl.get_list(CHILD_KINDS, self.namespace):
            meta = item["metadata"]
            of_cluster = meta.get("labels", {}).get("etcd.etcd.io/cluster") == self.name
            owned = any(owner["kind"] == "EtcdCluster" and owner["name"] == self.name
                        for owner in meta.get("ownerReferences", []))
            if of_cluster or owned:
                found.add(f"{item['kind']}/{meta['name']}")
        return found

    # Its data.

    def client(self, avoid=None):
        """A pod with etcdctl and the client certificate, not on the node `avoid`; made at first use."""
        self.begin_client()
        if avoid and self._client.wait_ready().node == avoid:
            self._client = Client(self, avoid).begin()
        return self._client.wait_ready()

    def begin_client(self):
        """It starts beside the members."""
        if not self._client:
            self._client = Client(self).begin()


def describe(cluster):
    if not cluster:
        return "there is no such object"
    status = cluster.get("status", {})
    return (f"phase {status.get('phase')}, ready {status.get('ready')}, "
            f"message {status.get('message')!r}")


def condition(cluster, kind):
    for item in cluster.get("status", {}).get("conditions", []):
        if item["type"] == kind:
            return item
    return {}


def is_running(cluster):
    status = cluster.get("status", {})
    size = cluster["spec"]["size"]
    return (status.get("phase") == "Running" and status.get("ready") == f"{size}/{size}" and
            status.get("observedGeneration") == cluster["metadata"]["generation"] and
            condition(cluster, "Ready").get("status") == "True")


def not_ready(cluster, name):
    """Whether the status says that this member does not serve."""
    return any(member["name"] == name and not member["ready"]
               for member in cluster.get("status", {}).get("members", []))


def check_one_healthy_cluster(cluster):
    """One etcd cluster with one id behind the object, all members in it, and it takes writes."""
    cluster.begin_client()
    now = cluster.wait_running()
    status = now["status"]
    client = cluster.client()
    header, members = client.members()
    assert f"{header['cluster_id']:016x}" == status["clusterID"]
    assert {name for name in members} == {cluster.pod_name(i) for i in range(cluster.size())}
    assert {f"{member['ID']:016x}" for member in members.values()} == \
        {member["id"] for member in status["members"]}
    for member in client.endpoint_status(status["clientEndpoints"][1:]):
        assert f"{member['Status']['header']['cluster_id']:016x}" == status["clusterID"]
    client.put("key", "written")
    assert client.get("key") == "written"


def most_on_one_node(pods):
    nodes = [pod["spec"]["nodeName"] for pod in pods]
    return max(nodes.count(node) for node in nodes)


def fair_share(size, nodes):
    return math.ceil(size / nodes)
