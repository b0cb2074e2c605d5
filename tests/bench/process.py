"""The operator's process on this machine: what it holds, what it uses, and what it counts itself."""

import os
import re
import urllib.request

TICKS = os.sysconf("SC_CLK_TCK")


def rollup(pid):
    """Its memory in MiB by /proc's names: Rss, Pss, Anonymous, ..."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
        return {m[1]: int(m[2]) / 1024 for m in re.finditer(r"^(\w+):\s+(\d+) kB", file.read(), re.M)}


def memory_text(pid):
    memory = rollup(pid)
    return f"{memory['Rss']:.1f} MiB, of it {memory['Anonymous']:.1f} anonymous"


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def forget_peak(pid):
    with open(f"/proc/{pid}/clear_refs", "w", encoding="utf-8") as file:
        file.write("5")


def peak(pid):
    """The most resident memory since the start or forget_peak(), in MiB."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return int(re.search(r"^VmHWM:\s+(\d+) kB", file.read(), re.M)[1]) / 1024


def metric(address, name):
    """The sum of a metric over all its labels; `address` is HOST:PORT."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    values = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.M)
    return sum(float(value) for value in values)


def work(pid, address):
    """What the operator has done so far: seconds of the processor, passes, cheap looks."""
    return (cpu_seconds(pid), metric(address, "etcd_operator_reconcile_total"),
            metric(address, "etcd_operator_looks_total"))
