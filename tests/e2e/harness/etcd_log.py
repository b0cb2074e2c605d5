"""What etcd itself says about leaders, from the log files of the testbed's nodes."""
import re
import threading

LEADER = re.compile(r"([0-9a-f]+) became leader at term (\d+)")


class EtcdLog:
    """Follows the logs of all etcds of a namespace. It reads the kubelets' files: a partition does not
    hide them, and an open file stays readable when its pod is deleted."""

    def __init__(self, testbed, namespace):
        self.pattern = f"nodes/*/log/pods/{namespace}_*/etcd/*.log"
        self.state = testbed.state
        self.files = {}
        self.leaders = {}  # {term: {member id}}
        self.stopping = threading.Event()
        self.reader = threading.Thread(target=self._follow, daemon=True)
        self.reader.start()

    def _follow(self):
        while not self.stopping.wait(0.2):
            self._read()

    def _read(self):
        for path in self.state.glob(self.pattern):
            if path not in self.files:
                try:
                    self.files[path] = [open(path, encoding="utf-8", errors="replace"), ""]
                except OSError:  # Removed meanwhile.
                    continue
        for entry in self.files.values():
            *lines, entry[1] = (entry[1] + entry[0].read()).split("\n")
            for line in lines:
                match = LEADER.search(line)
                if match:
                    self.leaders.setdefault(int(match[2]), set()).add(match[1])

    def stop(self):
        self.stopping.set()
        self.reader.join()
        self._read()
        for file, _ in self.files.values():
            file.close()

    def two_leaders(self):
        """Terms with more than one leader: raft promises that there are none."""
        return {term: sorted(ids) for term, ids in self.leaders.items() if len(ids) > 1}
