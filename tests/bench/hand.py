"""What a person would do without an operator: each change of a bare StatefulSet's etcd cluster, step by
step with the API server and etcdctl, as fast as both answer. The yardstick of life.py."""

import contextlib
import json
import os
import subprocess
import time

import bare
import kube

ADVICE_S = 0.1  # Between two looks.


class NotReady(Exception):
    pass


def etcd_folder(series="3.6"):
    built = subprocess.run(["testbed/build", f"etcd-{series}"], capture_output=True, text=True, check=True)
    return built.stdout.splitlines()[-1]


class Hand:
    """A bare cluster of etcd, `name` in `namespace`; certificates as life.py copied them."""

    def __init__(self, client, namespace, name, version, tls):
        self.client, self.namespace, self.name = client, namespace, name
        self.version = version
        self.etcdctl = os.path.join(etcd_folder(), "etcdctl")
        self.flags = [f"--cert={tls}/tls.crt", f"--key={tls}/tls.key", "--insecure-skip-tls-verify",
                      "--command-timeout=5s", "--write-out=json"]

    # -- Kubernetes

    def stateful_set(self, size, state):
        made = bare.stateful_set(self.namespace, self.name, image(self.version), size)
        container = made["spec"]["template"]["spec"]["containers"][0]
        container["command"] = [part.replace("-state=new", f"-state={state}")
                                for part in container["command"]]
        made["spec"]["updateStrategy"] = {"type": "OnDelete"}
        return made

    def set(self, size, state="existing"):
        """The template for `size` members, and so many replicas."""
        spec = self.stateful_set(size, state)["spec"]
        self.client.merge_patch("StatefulSet", self.namespace, self.name,
                                {"spec": {"replicas": size, "template": spec["template"]}})

    def pod(self, ordinal):
        return self.client.get("Pod", self.namespace, f"{self.name}-{ordinal}")

    def create(self, size):
        self.client.create(bare.service(self.namespace, self.name))
        self.client.create(self.stateful_set(size, "new"))
        self.wait_ready(size)

    def wait_ready(self, size):
        self.client.watch_until("Pod", self.namespace, lambda pods: ready(pods, size))

    def delete_pod(self, ordinal):
        """Until the next pod of this ordinal is Ready."""
        name, uid = f"{self.name}-{ordinal}", self.pod(ordinal)["metadata"]["uid"]
        self.client.delete("Pod", self.namespace, name)
        self.client.watch_until(
            "Pod", self.namespace,
            lambda pods: name in pods and pods[name]["metadata"]["uid"] != uid and is_ready(pods[name]))

    # -- etcd

    def ask(self, *arguments, at):
        """etcdctl at the members of these ordinals; what it answered."""
        addresses = [self.pod(i)["status"].get("podIP") for i in at]
        endpoints = ",".join(f"https://{address}:2379" for address in addresses if address)
        done = subprocess.run([self.etcdctl, f"--endpoints={endpoints}", *self.flags, *arguments],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotReady(done.stderr.strip())
        return json.loads(done.stdout) if done.stdout.startswith(("{", "[")) else done.stdout

    def keep_asking(self, *arguments, at, deadline_s=120):
        limit = time.monotonic() + deadline_s
        while True:
            try:
                return self.ask(*arguments, at=at)
            except NotReady:
                if time.monotonic() > limit:
                    raise
                time.sleep(ADVICE_S)

    def members(self, at):
        listed = self.keep_asking("member", "list", at=at)["members"]
        return {member.get("name") or member["peerURLs"][0].split("//")[1].split(".")[0]:
                f"{member['ID']:x}" for member in listed}

    def peer_url(self, ordinal):
        return f"https://{self.name}-{ordinal}.{self.name}-peer.{self.namespace}.svc:2380"

    def leader(self, size):
        for one in self.keep_asking("endpoint", "status", at=range(size)):
            if one["Status"]["header"]["member_id"] == one["Status"]["leader"]:
                ids = self.members(range(size))
                return next(int(name.rsplit("-", 1)[1]) for name, member in ids.items()
                            if int(member, 16) == one["Status"]["leader"])
        raise NotReady("no leader")

    def hand_over(self, leading, to):
        self.keep_asking("move-leader", self.members([leading])[f"{self.name}-{to}"], at=[leading])

    # -- The changes

    def add(self, ordinal):
        added = self.keep_asking("member", "add", f"{self.name}-{ordinal}", "--learner",
                                 f"--peer-urls={self.peer_url(ordinal)}", at=[0])
        return f"{added['member']['ID']:x}"

    def scale_out(self, old, new):
        for ordinal in range(old, new):
            member = self.add(ordinal)
            self.set(ordinal + 1)
            self.keep_asking("member", "promote", member, at=[0])
        self.wait_ready(new)

    def scale_in(self, old, new):
        for ordinal in reversed(range(new, old)):
            if self.leader(ordinal + 1) == ordinal:
                self.hand_over(ordinal, 0)
            self.keep_asking("member", "remove", self.members([0])[f"{self.name}-{ordinal}"], at=[0])
            self.set(ordinal)
            self.client.watch_until("Pod", self.namespace,
                                    lambda pods, name=f"{self.name}-{ordinal}": name not in pods)
            self.client.delete("PersistentVolumeClaim", self.namespace, f"data-{self.name}-{ordinal}")

    def replace_volume(self, ordinal, size):
        """The volume is gone: claim and pod go, and another member takes the place."""
        others = [i for i in range(size) if i != ordinal]
        self.keep_asking("member", "remove", self.members(others)[f"{self.name}-{ordinal}"], at=others)
        self.set(size)
        # etcd wants all of its voters connected before it lets one more in.
        member = self.add(ordinal) if 0 in others else None
        self.client.delete("PersistentVolumeClaim", self.namespace, f"data-{self.name}-{ordinal}")
        self.delete_pod_only(ordinal)
        self.keep_asking("member", "promote", member, at=others)
        self.wait_ready(size)

    def delete_pod_only(self, ordinal):
        with contextlib.suppress(kube.NotFound):
            self.client.delete("Pod", self.namespace, f"{self.name}-{ordinal}")

    def roll(self, size, version):
        self.version = version
        self.set(size)
        leading = self.leader(size)
        for ordinal in [i for i in range(size) if i != leading]:
            self.delete_pod(ordinal)
        self.hand_over(leading, (leading + 1) % size)
        self.delete_pod(leading)

    def remove(self):
        self.client.delete("StatefulSet", self.namespace, self.name)
        self.client.delete("Service", self.namespace, f"{self.name}-peer")


def image(version):
    return f"gcr.io/etcd-development/etcd:v{version}"


def is_ready(pod):
    return any(c["type"] == "Ready" and c["status"] == "True"
               for c in pod.get("status", {}).get("conditions", []))


def ready(pods, size):
    return len(pods) == size and all(is_ready(pod) for pod in pods.values())
