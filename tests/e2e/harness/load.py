"""A cluster under load: what a fault does to those who write, and what must never happen."""
import contextlib
import time

from harness.cluster import is_running
from harness.etcd_log import EtcdLog
from harness.wait import NotYet, wait_for
from harness.writer import Writer

HEALTHY_SECONDS = 120


class Load:
    """`rows` gets one row for each fault."""

    def __init__(self, testbed, cluster, folder, rows, *options):
        self.cluster = cluster
        self.rows = rows
        self.laps = []
        self.log = EtcdLog(testbed, cluster.namespace)
        try:
            cluster.wait_running()
            self.writer = Writer(cluster, folder, *options)
        except BaseException:
            self.log.stop()
            raise

    def leader(self):
        return self.writer.leader()

    def follower(self):
        leader = self.leader()
        return next(i for i in range(self.cluster.size()) if i != leader)

    @contextlib.contextmanager
    def fault(self, name, seconds=HEALTHY_SECONDS):
        """The body does harm, waits until it has struck, and may mend it. Afterwards the cluster must
        become healthy by itself, and every acknowledged write be there."""
        self.writer.wait_steady()
        began = time.time()
        yield
        self.wait_healthy(seconds)
        self.finish(name, began, time.time() - began)

    def hold(self, seconds):
        """The fault lasts so long; writes must go on by then."""
        self.watch(seconds)
        first = self.writer.state()["writes"]["acknowledged"]
        wait_for(lambda: self.writer.state()["writes"]["acknowledged"] >= first + 50, 30,
                 "writes are acknowledged while the fault lasts")

    @staticmethod
    def watch(seconds):
        """The length of a fault is a part of it, and nothing that could be waited for."""
        time.sleep(seconds)

    def lap(self, name):
        """A row for the outage since the last one."""
        self.laps.append({"fault": name, "acknowledged": None, "lost": None,
                          "outage": round(self.writer.lap(), 2), "outage_at": None, "healthy": None})

    def wait_healthy(self, seconds=HEALTHY_SECONDS):
        since = time.time()

        def healthy():
            now = self.cluster.get()
            if not now or not is_running(now):
                raise NotYet(str((now or {}).get("status", {}).get("message")))
            return self.writer.all_serve(since)
        wait_for(healthy, seconds, f"{self.cluster}: Running, and every member serves", interval=0.2)

    def finish(self, name, began, healthy):
        report = self.writer.stop()
        self.log.stop()
        writes, verified = report["writes"], report["verified"]
        self.note({
            "fault": name,
            "acknowledged": writes["acknowledged"],
            "lost": verified["lost"],
            "outage": round(writes["longest_outage"], 2),
            "outage_at": round(writes["outage_began"] - began, 2),
            "healthy": round(healthy, 1),
        })
        for lap in self.laps:
            self.note(lap)
        assert verified["journaled"] == writes["acknowledged"]
        assert not verified["lost"], verified["examples"]
        self.check_promises(report["memberships"])

    def finish_without_quorum(self, name):
        """Nothing can be read back."""
        seen = self.writer.state()
        self.log.stop()
        self.note({"fault": name, "acknowledged": seen["writes"]["acknowledged"], "lost": None,
                   "outage": None, "outage_at": None, "healthy": None})
        self.check_promises(seen["memberships"])

    def note(self, row):
        self.rows.append(row)
        print(f"\nchaos: {describe(row)}")

    def check_promises(self, memberships):
        check_memberships(memberships)
        assert self.log.leaders, "the logs of etcd name no leader"
        assert not self.log.two_leaders()

    def close(self):
        self.writer.close()
        if not self.log.stopping.is_set():
            self.log.stop()


def describe(row):
    if row["acknowledged"] is None:
        return f"{row['fault']}: longest outage {row['outage']} s"
    told = f"{row['fault']}: {row['acknowledged']} writes acknowledged"
    if row["healthy"] is None:
        return told
    return (f"{told}, {row['lost']} lost; longest outage {row['outage']} s, from {row['outage_at']} s "
            f"after the fault; healthy after {row['healthy']} s")


def check_memberships(memberships):
    """One member changes at a time (it may be removed and added anew between two looks), and an id that
    was removed does not come back."""
    removed = set()
    for before, after in zip(memberships, memberships[1:]):
        old, new = entries(before), entries(after)
        changed = {url for url in old.keys() | new.keys() if old.get(url) != new.get(url)}
        assert len(changed) <= 1, f"two members changed at once: {before} then {after}"
        ids = {member for member, _ in new.values()}
        removed |= {member for member, _ in old.values()} - ids
        assert not removed & ids, f"a removed member came back: {after}"


def entries(membership):
    return {member["url"]: (member["id"], member["learner"]) for member in membership["members"]}
