#!/usr/bin/python3
"""A relay that delays every packet of one of the testbed's nodes, each way (the kernel has no netem).

    slow_link.py LINK BRIDGE MILLISECONDS

Takes LINK, the host's end of the node's cable, off BRIDGE and a TAP device's end in its place, and passes
packets between both after that time. It prints "ready"; when standard input ends, the cable is as before.
"""
import collections
import fcntl
import os
import select
import socket
import struct
import subprocess
import sys
import time

TUNSETIFF, IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x400454ca, 0x0002, 0x1000, 0x4000
# Packets come with the header that says what their checksum lacks, and that they are several in one:
# what a virtual cable carries is rarely finished.
SOL_PACKET, PACKET_VNET_HDR = 263, 15
EVERY_PROTOCOL = 3
LONGEST_PACKET = 66000
OUTGOING = 4  # As a packet socket calls what leaves by its own device.


def ip(*arguments):
    subprocess.run(["ip", "link", *arguments], check=True)


def tap(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(),
                                                IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
    return device


def relay(cable, device, seconds):
    """Until standard input ends."""
    waiting = collections.deque()  # (when, whither, packet), in order: the delay is the same for all.
    while True:
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, whither, packet = waiting.popleft()
            try:
                whither(packet)
            except OSError:  # A full queue loses packets, as any link does.
                pass
        rest = max(0, waiting[0][0] - now) if waiting else None
        readable, _, _ = select.select([sys.stdin, cable, device], [], [], rest)
        if sys.stdin in readable and not sys.stdin.read(1):
            return
        due = time.monotonic() + seconds
        if cable in readable:
            packet, source = cable.recvfrom(LONGEST_PACKET)
            if source[2] != OUTGOING:
                waiting.append((due, lambda packet: os.write(device, packet), packet))
        if device in readable:
            waiting.append((due, cable.send, os.read(device, LONGEST_PACKET)))


def main():
    link, bridge, milliseconds = sys.argv[1:]
    name = f"slow-{link[-8:]}"
    device = tap(name)
    cable = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERY_PROTOCOL))
    cable.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    cable.bind((link, 0))
    ip("set", name, "master", bridge, "up")
    ip("set", link, "nomaster")
    try:
        print("ready", flush=True)
        relay(cable, device, int(milliseconds) / 1000)
    finally:
        ip("set", link, "master", bridge)


main()
