#!/usr/bin/python3
"""Measures taking snapshots against etcdctl, and backups into an S3 server, all on this machine.

    snapshot.py OPERATOR ETCD-FOLDER VERSITYGW [--size MIB] [--rounds N]

An etcd with TLS for its clients is filled with values of 1 MiB that do not compress. Then, alternating in
one run: etcdctl and we save to a file; and we send a file to the store, and save into the store. Of each
program the kernel counts its processor time and its peak memory. Printed are medians and their ratios.
"""
import argparse
import base64
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

MIB = 1 << 20
STORE_KEYS = ("bench-key", "bench-secret")


# A new program's peak begins with that of the process that became it, so something small starts it.
LAUNCHER = """
import os, sys, time
begun = time.monotonic()
pid = os.fork()
if not pid:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.execv(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
print(time.monotonic() - begun, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
sys.exit(status != 0)
"""


def run(arguments):
    """Seconds, seconds of the processor, and MiB at the peak."""
    done = subprocess.run(["/usr/bin/python3", "-I", "-S", "-c", LAUNCHER, *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(arguments)}: {done.stderr}")
    return [float(word) for word in done.stdout.split()]


def certificates(folder):
    """A certificate of 127.0.0.1 that is its own authority, for both sides."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", f"{folder}/tls.key", "-out", f"{folder}/tls.crt", "-days", "1", "-subj", "/CN=root",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "extendedKeyUsage=serverAuth,clientAuth"],
                   check=True, capture_output=True)


def wait_for(what, seconds=60):
    until = time.monotonic() + seconds
    while not what():
        if time.monotonic() > until:
            sys.exit("what was started does not answer")
        time.sleep(0.1)


def answers(url):
    try:
        urllib.request.urlopen(url, timeout=2).close()
        return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def fill(url, mebibytes):
    """Over the gateway for JSON, which takes the same requests."""
    for number in range(mebibytes):
        body = json.dumps({"key": base64.b64encode(b"key-%06d" % number).decode(),
                           "value": base64.b64encode(os.urandom(MIB)).decode()}).encode()
        urllib.request.urlopen(urllib.request.Request(f"{url}/v3/kv/put", body), timeout=60).close()


class Stage:
    """etcd and the store, and the words for both."""

    def __init__(self, options, folder):
        self.options, self.folder, self.children = options, folder, []
        certificates(folder)
        self.secure, self.plain, self.peer, self.s3 = ("127.0.0.1:" + str(port) for port in range(24790, 24794))

    def start(self, arguments, **options):
        log = open(f"{self.folder}/{os.path.basename(arguments[0])}.log", "wb")
        self.children.append(subprocess.Popen(arguments, stdout=log, stderr=log, **options))

    def __enter__(self):
        tls = f"{self.folder}/tls"
        self.start([f"{self.options.etcd}/etcd", "--data-dir", f"{self.folder}/data", "--listen-client-urls",
                    f"https://{self.secure}", "--listen-client-http-urls", f"http://{self.plain}",
                    "--advertise-client-urls", f"https://{self.secure}", "--listen-peer-urls", f"http://{self.peer}",
                    "--initial-advertise-peer-urls", f"http://{self.peer}", "--initial-cluster",
                    f"default=http://{self.peer}", "--cert-file", f"{tls}.crt", "--key-file", f"{tls}.key",
                    "--quota-backend-bytes", str(8 << 30), "--snapshot-count", "100", "--max-wals", "1"])
        os.makedirs(f"{self.folder}/objects/backups")
        self.start([self.options.versitygw, "--port", self.s3, "--region", "us-east-1", "--quiet", "posix",
                    f"{self.folder}/objects"],
                   env=dict(os.environ, ROOT_ACCESS_KEY=STORE_KEYS[0], ROOT_SECRET_KEY=STORE_KEYS[1]))
        with open(f"{self.folder}/keys", "w", encoding="utf-8") as file:
            file.write("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n" % STORE_KEYS)
        wait_for(lambda: answers(f"http://{self.plain}/health"))
        wait_for(lambda: answers(f"http://{self.s3}/"))
        return self

    def __exit__(self, *_):
        for child in self.children:
            child.kill()
            child.wait()

    def etcdctl(self, path):
        tls = f"{self.folder}/tls"
        return run([f"{self.options.etcd}/etcdctl", "--endpoints", f"https://{self.secure}", "--cacert", f"{tls}.crt",
                    "--cert", f"{tls}.crt", "--key", f"{tls}.key", "snapshot", "save", path])

    def snapshot(self, *words):
        return run([self.options.operator, "snapshot", *words])

    def etcd_words(self):
        tls = f"{self.folder}/tls"
        return ["--endpoints", f"https://{self.secure}", "--cacert", f"{tls}.crt", "--cert", f"{tls}.crt", "--key",
                f"{tls}.key"]

    def store_words(self):
        return ["--store", "s3://backups/bench", "--endpoint", f"http://{self.s3}", "--path-style",
                "--credentials-file", f"{self.folder}/keys"]


def medians(rows):
    return [statistics.median(column) for column in zip(*rows)]


def show(name, figures, mebibytes):
    wall, cpu, peak = figures
    print(f"{name:28} {wall:7.2f} s {cpu:7.2f} s of CPU {peak:7.1f} MiB at the peak {mebibytes / wall:7.0f} MiB/s")


def measure(stage, options):
    theirs, ours, sent, stored, packed = [], [], [], [], []
    path = f"{stage.folder}/saved"
    for number in range(options.rounds):
        theirs.append(stage.etcdctl(f"{path}.theirs"))
        ours.append(stage.snapshot("save", *stage.etcd_words(), "--output", path))
        sent.append(stage.snapshot("upload", *stage.store_words(), path, "sent"))
        stored.append(stage.snapshot("save", *stage.etcd_words(), *stage.store_words(), "--name", f"s-{number}"))
        packed.append(stage.snapshot("save", *stage.etcd_words(), *stage.store_words(), "--name", f"z-{number}",
                                     "--compress", "zstd"))
        for name in f"s-{number}", f"z-{number}":
            stage.snapshot("remove", *stage.store_words(), name)
    size = os.path.getsize(path) / MIB
    theirs, ours, sent, stored, packed = (medians(rows) for rows in (theirs, ours, sent, stored, packed))
    print(f"{size:.0f} MiB of snapshot, {options.rounds} rounds")
    show("etcdctl snapshot save", theirs, size)
    show("save --output", ours, size)
    show("upload (the store alone)", sent, size)
    show("save --store", stored, size)
    show("save --store, zstd", packed, size)
    print("ours to etcdctl: wall %.2f, CPU %.2f, memory %.2f" % tuple(a / b for a, b in zip(ours, theirs)))
    print("save --store to the slower of etcd and store: %.2f" % (max(ours[0], sent[0]) / stored[0]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("operator")
    parser.add_argument("etcd")
    parser.add_argument("versitygw")
    parser.add_argument("--size", type=int, default=512, help="MiB of values (default 512)")
    parser.add_argument("--rounds", type=int, default=5, help="default 5")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="snapshot-bench-")
    try:
        with Stage(options, folder) as stage:
            fill(f"http://{stage.plain}", options.size)
            measure(stage, options)
    finally:
        shutil.rmtree(folder)


main()
