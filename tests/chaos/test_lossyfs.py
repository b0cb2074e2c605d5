"""The disk under the power cuts (testbed/lossyfs.c): what was synced stays, and nothing else."""
import contextlib
import os
import random
import signal
import socket
import subprocess
import time

import pytest

from harness.testbed import part

STEPS = 400
LONGEST = 50000


class Disk:
    """A folder behind lossyfs."""

    def __init__(self, folder):
        self.source, self.shown = folder / "source", folder / "shown"
        self.source.mkdir()
        self.shown.mkdir()
        self.process = subprocess.Popen([part("lossyfs") / "lossyfs", "-f", self.source, self.shown])
        deadline = time.monotonic() + 10
        while not self.shown.is_mount():
            assert self.process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)

    def cut(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        subprocess.run(["umount", "--lazy", self.shown], check=False, stderr=subprocess.DEVNULL)


@pytest.fixture
def disk(tmp_path):
    made = Disk(tmp_path)
    yield made
    made.cut()


def test_what_was_not_synced_is_lost(disk):
    with open(disk.shown / "file", "wb", buffering=0) as file:
        file.write(b"synced")
        os.fsync(file.fileno())
        file.write(b", not synced")
        assert (disk.shown / "file").read_bytes() == b"synced, not synced"
        assert (disk.source / "file").read_bytes() == b"synced"
        disk.cut()
    assert (disk.source / "file").read_bytes() == b"synced"


def test_a_file_that_was_never_synced_is_empty(disk):
    (disk.shown / "file").write_bytes(b"closed, not synced")
    (disk.shown / "file").rename(disk.shown / "another")
    assert (disk.shown / "another").read_bytes() == b"closed, not synced"
    disk.cut()
    assert (disk.source / "another").read_bytes() == b""


def test_a_sync_takes_as_long_as_told(disk):
    with open(disk.shown / "file", "wb", buffering=0) as file:
        for milliseconds in (0, 300):
            (disk.source.parent / "source.fsync_ms").write_text(str(milliseconds))
            file.write(b"x")
            began = time.monotonic()
            os.fdatasync(file.fileno())
            assert (time.monotonic() - began >= 0.3) == (milliseconds == 300)
    assert (disk.source / "file").read_bytes() == b"xx"


class Model:
    """A file in words: what is to be read now, and after a power cut."""

    def __init__(self):
        self.now, self.synced = bytearray(), bytearray()

    def write(self, offset, data):
        self.now.extend(bytes(max(0, offset - len(self.now))))
        self.now[offset:offset + len(data)] = data

    def truncate(self, size):
        for content in (self.now, self.synced):
            del content[size:]
            content.extend(bytes(size - len(content)))

    def sync(self):
        self.synced = bytearray(self.now)


@pytest.mark.parametrize("seed", range(5))
def test_random_steps(disk, seed):
    rng, model, path = random.Random(seed), Model(), disk.shown / "file"
    with contextlib.closing(open(path, "w+b", buffering=0)) as file:
        for step in range(STEPS):
            kind = rng.choices(["write", "truncate", "empty", "sync"], [20, 2, 1, 3])[0]
            if kind == "write":
                offset, data = rng.randrange(LONGEST), rng.randbytes(rng.randrange(1, 9000))
                os.pwrite(file.fileno(), data, offset)
                model.write(offset, data)
            elif kind == "truncate":
                size = rng.randrange(LONGEST)
                file.truncate(size)
                model.truncate(size)
            elif kind == "empty":
                path.open("wb").close()
                model.truncate(0)
            else:
                os.fsync(file.fileno())
                model.sync()
            # Opened anew, it is read from the disk and not from the kernel's memory.
            assert path.read_bytes() == model.now, f"step {step}: {kind}"
            assert (disk.source / "file").read_bytes() == model.synced, f"step {step}: {kind}"
        disk.cut()
    assert (disk.source / "file").read_bytes() == model.synced


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Etcd:
    """One member on the disk, killed at the end."""

    def __init__(self, programs, data, *options):
        self.ctl, self.url = programs / "etcdctl", f"http://127.0.0.1:{free_port()}"
        self.process = subprocess.Popen(
            [programs / "etcd", "--data-dir", data, "--log-level", "error",
             "--listen-client-urls", self.url, "--advertise-client-urls", self.url,
             "--listen-peer-urls", f"http://127.0.0.1:{free_port()}", *options])

    def __call__(self, *command):
        """None if etcd does not serve."""
        deadline = time.monotonic() + 10
        while self.process.poll() is None and time.monotonic() < deadline:
            done = subprocess.run([self.ctl, "--endpoints", self.url, "--command-timeout", "2s",
                                   *command], capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return done.stdout
        return None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


@pytest.mark.parametrize("options", [(), ("--unsafe-no-fsync",)], ids=["syncs", "does not sync"])
def test_etcd_on_it(disk, options):
    """What etcd acknowledged is there after a power cut: because it syncs."""
    programs = part("etcd-3.6")
    with Etcd(programs, disk.shown, *options) as etcd:
        for number in range(20):
            assert etcd("put", f"key{number}", "value")
        disk.cut()
    with Etcd(programs, disk.source) as etcd:
        found = etcd("get", "key", "--prefix", "--count-only", "--write-out=fields")
    assert (found is not None and '"Count" : 20' in found) == (not options), found
