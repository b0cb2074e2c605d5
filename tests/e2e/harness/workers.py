"""Several processes that run tests side by side (pytest-xdist), with one operator for all of them.

Tests that are not marked `side_by_side` are one group: one worker gets it, and begins it when all the
others have ended."""
import fcntl

import pytest

ALONE = "alone"
# Fixtures that several tests of a file share: such tests stay together.
SHARED = {"module_namespace", "shared"}


def is_worker(config):
    return hasattr(config, "workerinput")


def use_none(config):
    config.option.numprocesses, config.option.dist, config.option.tx = None, "no", []


def is_side_by_side(item):
    return item.get_closest_marker("side_by_side") is not None


def group_of(item):
    """The name of those that stay together; None: it goes wherever there is time."""
    if not is_side_by_side(item):
        return ALONE
    return item.path.stem if SHARED & set(item.fixturenames) else None


def order(item):
    """Groups first, and of them those that take minutes; single tests into the gaps; and then what
    must be alone."""
    group = group_of(item)
    if group == ALONE:
        return 2, 0
    return (0, -item.get_closest_marker("side_by_side").kwargs.get("minutes", 0)) if group else (1, 0)


def mark_groups(items):
    for item in items:
        if group_of(item):
            item.add_marker(pytest.mark.xdist_group(group_of(item)))


class Names:
    """Reports of tests under their own names: pytest-xdist hangs the group's name to them."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report):
        name, _, group_name = report.nodeid.rpartition("@")
        if name and "]" not in group_name:
            report.nodeid = name


class Turn:
    """A lock on a file, which every worker shares while it lives."""

    def __init__(self, path):
        self.file = open(path, "a", encoding="utf-8")
        fcntl.flock(self.file, fcntl.LOCK_SH)

    def wait_alone(self):
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def leave(self):
        self.file.close()
