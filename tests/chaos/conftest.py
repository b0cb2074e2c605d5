"""Fixtures of the chaos tests, on top of those of the end-to-end tests. How to run them: docs/chaos.md."""
import json
import pathlib
import statistics
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "e2e")]

# pylint: disable=wrong-import-position,unused-import
from e2e.conftest import (_installed, _testbed_or_none, namespace, operator,  # noqa: E402,F401
                          pytest_runtest_makereport, testbed)
from harness.cluster import SMALL, Cluster  # noqa: E402
from harness.load import Load  # noqa: E402
from harness.wait import merged  # noqa: E402

RESULTS = TESTS.parent / "build/results/chaos.json"
HEALTH_CHECK = {"healthCheck": {"interval": "2s", "timeout": "1s"}}


def pytest_addoption(parser):
    parser.addoption("--repeat", type=int, default=1, help="runs of each test")


def pytest_configure(config):
    config.addinivalue_line("markers", "short: in the selection for continuous integration")
    config.chaos_rows = []


def pytest_generate_tests(metafunc):
    count = metafunc.config.getoption("repeat")
    if count > 1:
        metafunc.fixturenames.append("round")
        metafunc.parametrize("round", range(1, count + 1))


@pytest.fixture
def make_load(testbed, namespace, tmp_path, request):
    """Makes a cluster that is written to: make_load(size, spec, writer's options...)."""
    made = []

    def make(size=3, spec=None, *options):
        cluster = Cluster(namespace, f"c{len(made)}", size,
                          merged(SMALL, HEALTH_CHECK, spec or {})).create()
        folder = tmp_path / cluster.name
        folder.mkdir()
        made.append(Load(testbed, cluster, folder, request.config.chaos_rows, *options))
        return made[-1]
    yield make
    for load in made:
        load.close()


@pytest.fixture
def load(make_load):
    """Three members with TLS."""
    return make_load()


def pytest_terminal_summary(terminalreporter, config):
    rows = config.chaos_rows
    if not rows:
        return
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(rows, indent=1))
    terminalreporter.section("chaos")
    for line in table(rows):
        terminalreporter.write_line(line)


def table(rows):
    """One line for each fault: sums of the writes, medians of the times."""
    yield "| fault | runs | acknowledged | lost | outage, s | longest | healthy after, s |"
    yield "|---|---|---|---|---|---|---|"
    for fault in dict.fromkeys(row["fault"] for row in rows):
        runs = [row for row in rows if row["fault"] == fault]
        outages = known(runs, "outage")
        cells = [fault, str(len(runs)), total(known(runs, "acknowledged")), total(known(runs, "lost")),
                 median(outages, 2), f"{max(outages):.2f}" if outages else "-",
                 median(known(runs, "healthy"), 1)]
        yield f"| {' | '.join(cells)} |"


def known(rows, key):
    return [row[key] for row in rows if row[key] is not None]


def total(values):
    return str(sum(values)) if values else "-"


def median(values, digits):
    return f"{statistics.median(values):.{digits}f}" if values else "-"
