"""The operator at rest: memory, and the time from process start to ready."""

import json
import os
import statistics
import subprocess
import time

import process

NAMESPACE = "etcd-operator-system"


def kubectl(*arguments):
    return subprocess.run(["kubectl", *arguments], check=True, capture_output=True, text=True).stdout


def operator_pod():
    pods = json.loads(kubectl("-n", NAMESPACE, "get", "pods", "-l", "app.kubernetes.io/name=etcd-operator", "-o", "json"))
    return next(pod for pod in pods["items"] if pod["status"]["phase"] == "Running"
                and "deletionTimestamp" not in pod["metadata"])


def host_pid(pod):
    """The operator's process on this machine, by its pod's UID in the cgroup path."""
    uid = pod["metadata"]["uid"]
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/cgroup", encoding="utf-8") as file:
                inside = uid in file.read()
            with open(f"/proc/{entry}/comm", encoding="utf-8") as file:
                if inside and file.read().strip() == "etcd-operator":
                    return entry
        except (OSError, UnicodeDecodeError):
            continue
    raise RuntimeError("the operator does not run on this machine")


def deliver_helper(how):
    """The operator's option --helper-delivery; None: its default."""
    value = f"ETCD_OPERATOR_HELPER_DELIVERY={how}" if how else "ETCD_OPERATOR_HELPER_DELIVERY-"
    kubectl("-n", NAMESPACE, "set", "env", "deployment/etcd-operator", value)
    kubectl("-n", NAMESPACE, "rollout", "status", "deployment/etcd-operator", "--timeout=120s")


def restart():
    kubectl("-n", NAMESPACE, "delete", "pod", operator_pod()["metadata"]["name"])
    kubectl("-n", NAMESPACE, "rollout", "status", "deployment/etcd-operator", "--timeout=120s")


def ready_milliseconds():
    """From the operator's own log: how long it took from process start to ready."""
    for line in kubectl("-n", NAMESPACE, "logs", operator_pod()["metadata"]["name"]).splitlines():
        entry = json.loads(line)
        if entry["message"] == "ready":
            return int(entry["milliseconds"])
    raise RuntimeError("the operator's log has no line `ready`")


def measure(rounds):
    times = []
    for _ in range(rounds):
        restart()
        times.append(ready_milliseconds())
    time.sleep(20)  # At rest: what is measured is a state, not a moment.
    memory = process.rollup(host_pid(operator_pod()))
    print(f"process start to ready: median {statistics.median(times):.0f} ms "
          f"({min(times)} to {max(times)}, {rounds} starts)")
    print(f"resident memory, idle: {memory['Rss']:.1f} MiB, of it {memory['Anonymous']:.1f} anonymous, "
          f"{memory['Pss']:.1f} proportional (Pss)")
