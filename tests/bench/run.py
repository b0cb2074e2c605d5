"""Measures an installed operator on the testbed and prints what docs/performance.md quotes."""

import argparse
import os

import creation
import idle
import kube


def image_size(tar):
    if os.path.exists(tar):
        print(f"image, compressed: {os.path.getsize(tar) / 1e6:.1f} MB")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="of each timed creation (default 9)")
    parser.add_argument("--image-tar", default="build/etcd-operator-image.tar")
    options = parser.parse_args()

    image_size(options.image_tar)
    idle.measure(3)
    for how in "init-container", "image-volume":
        print(f"the start helper comes by {how}:")
        idle.deliver_helper(how)
        try:
            creation.measure(kube.Client(), options.rounds)
        finally:
            idle.deliver_helper(None)


main()
