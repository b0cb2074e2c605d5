"""The operator under test: installed as deploy/ installs it, with its own ServiceAccount and rules."""
import hashlib
import os
import pathlib
import re

import yaml

from harness import kubectl
from harness.testbed import PROJECT
from harness.wait import NotYet, wait_for

NAMESPACE = "etcd-operator-system"
NAME = "etcd-operator"
USER = f"system:serviceaccount:{NAMESPACE}:{NAME}"
RELEASE_IMAGE = "ghcr.io/etcd-operator/etcd-operator"
CRDS = [f"crd/{kind}.etcd.etcd.io" for kind in ("etcdclusters", "etcdbackups", "etcdrestores")]

KUSTOMIZATION = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - {deploy}
images:
  - name: {release}
    newName: {name}
    newTag: {tag}
replacements:
  - source:
      kind: Deployment
      name: etcd-operator
      fieldPath: spec.template.spec.containers.[name=manager].image
    targets:
      - select:
          kind: Deployment
          name: etcd-operator
        fieldPaths:
          - spec.template.spec.containers.[name=manager].env.[name=OPERATOR_IMAGE].value
patches:
  - target:
      kind: Deployment
      name: etcd-operator
    patch: |-
      - op: add
        path: /spec/template/metadata/annotations/etcd.etcd.io~1e2e-build
        value: "{build}"
"""


class Operator:
    """The one that is installed; who installs it removes it."""

    # Installation.

    def install(self, folder, image, tar=None):
        """`tar`: what the image was loaded from. Another content needs a new pod. The folder keeps
        what it takes to leave the cluster as it was found."""
        self.folder = pathlib.Path(folder)
        self.found_deployment = kubectl.get("deployment", NAME, NAMESPACE)
        self.found_crd = kubectl.get("crd", "etcdclusters.etcd.etcd.io")
        build = hashlib.sha256(pathlib.Path(tar).read_bytes()).hexdigest()[:16] if tar else "image"
        self._apply(image, build)

    def _apply(self, image, build):
        name, _, tag = image.rpartition(":")
        (self.folder / "kustomization.yaml").write_text(KUSTOMIZATION.format(
            deploy=os.path.relpath(PROJECT / "deploy", self.folder.resolve()),
            release=RELEASE_IMAGE, name=name, tag=tag, build=build))
        objects = kubectl.run("kustomize", "--load-restrictor=LoadRestrictionsNone", self.folder)
        (self.folder / "objects.yaml").write_text(objects)
        crd = [item for item in yaml.safe_load_all(objects)
               if item["kind"] == "CustomResourceDefinition"]
        apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"]
        kubectl.run(*apply, stdin=kubectl.as_list(crd))
        kubectl.run("wait", "--for=condition=Established", "--timeout=30s", *CRDS)
        kubectl.run(*apply, stdin=objects)
        kubectl.run("rollout", "status", f"deployment/{NAME}", "--timeout=90s",
                    namespace=NAMESPACE, timeout=100)

    def remove(self):
        """Leaves the cluster as it was found."""
        if self.found_deployment:
            container = self.found_deployment["spec"]["template"]["spec"]["containers"][0]
            self._apply(container["image"], "found")
            return
        objects = [item for item in yaml.safe_load_all((self.folder / "objects.yaml").read_text())
                   if not (self.found_crd and item["kind"] == "CustomResourceDefinition")]
        kubectl.run("delete", "--ignore-not-found", "-f", "-", stdin=kubectl.as_list(objects),
                    timeout=120)

    # Its pod.

    def pods(self):
        return kubectl.get_list("pods", NAMESPACE,
                                "app.kubernetes.io/name=etcd-operator")

    def pod(self):
        """The pod that is not being deleted, or None."""
        for pod in self.pods():
            if "deletionTimestamp" not in pod["metadata"]:
                return pod
        return None

    def wait_ready(self, seconds=60):
        def ready():
            pod = self.pod()
            if not pod or not kubectl.container_status(pod)[1].get("ready"):
                raise NotYet("no ready pod")
            return pod
        return wait_for(ready, seconds, "the operator is ready")

    def replace_pod(self):
        """Deletes the pod at once, so that nothing waits for its container's back-off."""
        pod = self.pod()
        if pod:
            kubectl.delete("pod", pod["metadata"]["name"], NAMESPACE, force=True)

    def forget_lease(self):
        """What a dead pod held: nobody need wait for its end."""
        kubectl.delete("lease", NAME, NAMESPACE)

    def wait_killed(self, pod_name, seconds=90):
        """Until the operator in this pod has ended with 137, as by kill -9."""
        def killed():
            pod = kubectl.get("pod", pod_name, NAMESPACE)
            assert pod, f"{pod_name} is gone"
            _, status = kubectl.container_status(pod)
            ended = (status.get("state", {}).get("terminated") or
                     status.get("lastState", {}).get("terminated"))
            return ended and ended["exitCode"] == 137 and ended["reason"] != "OOMKilled"
        wait_for(killed, seconds, f"the operator in {pod_name} was killed")

    def scale(self, replicas):
        kubectl.run("scale", f"deployment/{NAME}", f"--replicas={replicas}", namespace=NAMESPACE)
        if not replicas:
            wait_for(lambda: not self.pods(), 60, "no pod of the operator is left")

    # Who leads.

    def lease(self):
        return (kubectl.get("lease", NAME, NAMESPACE) or {}).get("spec", {})

    def leader(self, but=None, seconds=60):
        """The pod that holds the Lease, and works; `but`: a pod that it is not."""
        def found():
            holder = self.lease().get("holderIdentity")
            for pod in self.pods():
                uid = pod["metadata"]["uid"]
                if uid == holder and not (but and uid == but["metadata"]["uid"]):
                    return pod
            raise NotYet(f"the Lease is held by '{holder}'")
        return wait_for(found, seconds, "a pod leads", interval=0.1)

    def restarts(self):
        """What changes when the operator is restarted or ends."""
        pod = self.pod()
        return pod["metadata"]["uid"], kubectl.container_status(pod)[0]

    def log(self, lines):
        return kubectl.run("logs", f"deployment/{NAME}", f"--tail={lines}", namespace=NAMESPACE)

    # Its ports.

    def fetch(self, port, path, pod=None):
        pod = (pod or self.pod())["metadata"]["name"]
        return kubectl.get_raw(f"/api/v1/namespaces/{NAMESPACE}/pods/http:{pod}:{port}/proxy{path}")

    def metrics(self, pod=None):
        """{'name{labels}': value}"""
        values = {}
        for line in self.fetch(8080, "/metrics", pod).splitlines():
            match = re.fullmatch(r"([a-zA-Z_:][^ {]*(?:\{.*\})?) (\S+)", line)
            if match:
                values[match[1]] = float(match[2])
        return values

    def writes(self):
        """How many changing requests this process has sent to the API server, other than for its
        Lease."""
        return sum(value for name, value in self.metrics().items()
                   if name.startswith("etcd_operator_api_requests_total") and
                   'resource="leases"' not in name and
                   re.search(r'verb="(create|update|patch|apply|delete|put|post)', name, re.I))
