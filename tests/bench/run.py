"""Measures an installed operator on the testbed and prints what docs/performance.md quotes."""

import argparse
import os
import subprocess
import sys

import creation
import idle
import kube
import life
import ten

POD = "build/bench-pod.json"


def image_size(tar):
    if os.path.exists(tar):
        print(f"image, compressed: {os.path.getsize(tar) / 1e6:.1f} MB")


def measure_creation(rounds):
    for how in "init-container", "image-volume":
        print(f"the start helper comes by {how}:")
        idle.deliver_helper(how)
        try:
            creation.measure(kube.Client(), rounds)
        finally:
            idle.deliver_helper(None)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="of each timed creation (default 9)")
    parser.add_argument("--seconds", type=int, default=180, help="of the steady state (default 180)")
    parser.add_argument("--image-tar", default="build/etcd-operator-image.tar")
    parser.add_argument("--only", choices=["idle", "creation", "life", "ten", "relist", "scale"],
                        help="one of them")
    options = parser.parse_args()

    image_size(options.image_tar)
    if options.only in (None, "idle"):
        idle.measure(3)
    if options.only in (None, "creation"):
        measure_creation(options.rounds)
    if options.only in (None, "life"):
        life.measure(kube.Client(), max(1, options.rounds // 3))
    if options.only in (None, "ten"):
        ten.measure(kube.Client(), options.seconds, POD)
        subprocess.run(["build/release/tests/bench/decode", POD], check=True)
    # These have a control plane of their own.
    for name in "relist", "scale":
        if options.only in (None, name):
            subprocess.run(["tests/bench/plane", sys.executable, f"tests/bench/{name}.py"], check=True)


main()
