"""Who asked the API server for what: its audit log, beside the kubeconfig in the testbed's folder."""

import collections
import json
import os

USER = "system:serviceaccount:etcd-operator-system:etcd-operator"
WRITES = {"create", "update", "patch", "delete", "deletecollection"}


class Audit:
    """From now on."""

    def __init__(self):
        self.path = os.path.join(os.path.dirname(os.environ["KUBECONFIG"]), "audit/audit.log")
        self.start = os.path.getsize(self.path)

    def requests(self, user=USER):
        """How often the user asked, by (verb, resource). A watch counts when it ends."""
        counts = collections.Counter()
        with open(self.path, "rb") as file:
            file.seek(self.start)
            for line in file:
                # Most lines are others': parsing each would take longer than what is measured.
                if user.encode() not in line or not line.endswith(b"\n"):
                    continue
                event = json.loads(line)
                if event["user"]["username"] == user:
                    resource = event.get("objectRef", {}).get("resource", event["requestURI"])
                    counts[event["verb"], resource] += 1
        return counts


def text(counts, minutes):
    """Requests per minute, the writes first."""
    order = sorted(counts.items(), key=lambda item: (item[0][0] not in WRITES, -item[1]))
    lines = [f"{verb} {resource} {count / minutes:.1f}" for (verb, resource), count in order]
    writes = sum(count for (verb, _), count in counts.items() if verb in WRITES)
    return f"{writes / minutes:.1f} writes a minute; by kind: {', '.join(lines) or 'none'}"
