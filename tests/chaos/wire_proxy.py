#!/usr/bin/python3
"""An API server as a bad network and a busy control plane show it: a proxy that cuts, delays, truncates
and refuses at random.

    wire_proxy.py --server https://HOST:PORT --ca-file FILE --folder DIR [--seed N] ...

It ends TLS with a certificate of its own (DIR/ca.crt, what clients are to trust) and passes the bearer
token on, so the real API server sees who asks. Watches are passed on as they arrive, line by line;
every other answer is read whole and then sent, or spoilt. One line of JSON on stdout says where it
listens. Then each line on stdin is a command and is answered with one line: `on` and `off` start and
stop the faults, `counts` tells what was done so far. It ends when stdin does.

Faults are dealt like cards from a shuffled deck, so each kind comes up within one round of its deck. The
seed decides the order of the decks; which request meets which card depends on the client as well.
"""
import argparse
import asyncio
import collections
import contextlib
import json
import pathlib
import random
import re
import socket
import ssl
import struct
import subprocess
import sys
import urllib.parse

# How often each fault of a request is in a deck.
REQUEST_FAULTS = {
    # The API server never hears of the request.
    "cut before": 3, "answered 429": 3, "answered 500": 2, "answered 503": 2,
    # It does, but late: within the client's patience, or when the client has long given up.
    "late": 4, "overdue": 1,
    # It was carried out, and the client does not learn that.
    "cut after": 3, "answered 504 after": 2, "truncated body": 2, "truncated chunk": 2,
}
# What may meet a request that opens a watch; there is no answer to spoil then.
OPENING_FAULTS = ("cut before", "answered 429", "answered 500", "late")
# Of a watch that was opened.
WATCH_FAULTS = {
    "watch cut": 1, "watch cut in a line": 2, "watch ended": 1, "watch silent": 1, "watch expired": 2,
    "watch late": 2,
}
# Of the second and later pages of a list. Not too often, or a long list never comes to its end.
PAGE_FAULTS = {"page expired": 1, "page passed": 5}
# Of the whole server.
OUTAGE = "connections refused"

# Small, so that lists have several pages.
PAGE_LENGTH = 2

EXPIRED = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 410,
           "reason": "Expired", "message": "too old resource version (said the proxy)"}
REFUSALS = {
    429: ("Too Many Requests", "TooManyRequests"),
    500: ("Internal Server Error", "InternalError"),
    503: ("Service Unavailable", "ServiceUnavailable"),
    504: ("Gateway Timeout", "Timeout"),
}

Head = collections.namedtuple("Head", "start headers")  # The first line, and {lower-case name: value}.


class Cut(Exception):
    """This connection is to break now."""


class Deck:
    def __init__(self, chance, cards, first=()):
        self.chance = chance
        self.cards = [name for name, times in cards.items() for _ in range(times)]
        self.left = list(first)

    def draw(self):
        if not self.left:
            self.left = self.chance.sample(self.cards, len(self.cards))
        return self.left.pop()


# HTTP/1.1 on streams.

async def read_head(reader):
    """None at the end of the connection."""
    try:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    except asyncio.IncompleteReadError:
        return None
    pairs = (line.partition(":") for line in lines[1:])
    return Head(lines[0], {name.strip().lower(): value.strip() for name, _, value in pairs})


async def read_chunk(reader):
    size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
    return (await reader.readexactly(size + 2))[:-2]


def is_chunked(head):
    return head.headers.get("transfer-encoding", "").lower() == "chunked"


async def read_body(head, reader):
    if is_chunked(head):
        chunks = []
        while chunk := await read_chunk(reader):
            chunks.append(chunk)
        return b"".join(chunks)
    return await reader.readexactly(int(head.headers.get("content-length", 0)))


def as_text(head, body=None):
    """The head as it is sent; with a body, its length replaces the framing it had."""
    headers = dict(head.headers)
    if body is not None:
        headers.pop("transfer-encoding", None)
        headers["content-length"] = str(len(body))
    lines = [head.start, *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def as_chunk(data, announced=None):
    return b"%x\r\n%b" % (announced or len(data), data) + (b"" if announced else b"\r\n")


def refusal(code, chance):
    """An answer as the API server gives it, or now and then as a load balancer before it does."""
    words, reason = REFUSALS[code]
    headers = {"content-type": "application/json"}
    seconds = chance.randint(1, 3)
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code,
              "reason": reason, "message": "said the proxy"}
    if code == 429:
        headers["retry-after"] = str(seconds)
        status["details"] = {"retryAfterSeconds": seconds}
    body = json.dumps(status).encode()
    if code >= 503 and chance.random() < 0.5:
        headers["content-type"] = "text/html"
        body = f"<html><body><h1>{code} {words}</h1></body></html>\n".encode()
    return as_text(Head(f"HTTP/1.1 {code} {words}", headers), body) + body


class Connection:
    """One of the client's connections, and the one behind it that carries its requests on."""

    def __init__(self, proxy, reader, writer):
        self.proxy = proxy
        self.chance = proxy.chance
        self.reader, self.writer = reader, writer
        self.up_reader = self.up_writer = None

    async def run(self):
        try:
            while head := await read_head(self.reader):
                await self.exchange(head, await read_body(head, self.reader))
        except (Cut, OSError, EOFError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            self.cut()
        finally:
            for writer in (self.writer, self.up_writer):
                if writer:
                    writer.close()

    def cut(self):
        """Without a word of TLS; half of the time with a reset."""
        sock = self.writer.get_extra_info("socket")
        if sock and self.chance.random() < 0.5:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def exchange(self, head, body):
        method, target, version = head.start.split(" ")
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(target).query)
        watch = "watch" in query
        self.proxy.count("watches" if watch else "requests")
        if "continue" in query and self.proxy.draw_page() == "page expired":
            answer = json.dumps(EXPIRED).encode()
            await self.send(as_text(Head("HTTP/1.1 410 Gone", {"content-type": "application/json"}),
                                    answer) + answer)
            return
        fault = self.proxy.draw_request(watch)
        if await self.before(fault):
            return
        target = re.sub(r"\blimit=\d+", f"limit={PAGE_LENGTH}", target)
        answer = await self.forward(Head(f"{method} {target} {version}", head.headers), body)
        if watch and answer.start.split(" ")[1] == "200":
            await self.watch(answer)
        else:
            await self.after(fault, answer, await read_body(answer, self.up_reader))

    async def before(self, fault):
        """True when the request has got its answer."""
        if fault == "cut before":
            raise Cut
        if fault == "late":
            await asyncio.sleep(self.chance.uniform(0.1, 4))
        elif fault == "overdue":
            await asyncio.sleep(self.proxy.options.client_timeout + self.chance.uniform(1, 5))
        elif fault in ("answered 429", "answered 500", "answered 503"):
            await self.send(refusal(int(fault[-3:]), self.chance))
            return True
        return False

    async def forward(self, head, body):
        if not self.up_writer:
            self.up_reader, self.up_writer = await self.proxy.connect()
        headers = {**head.headers, "host": self.proxy.upstream.netloc}
        self.up_writer.write(as_text(Head(head.start, headers), body) + body)
        await self.up_writer.drain()
        answer = await read_head(self.up_reader)
        if not answer:
            raise Cut
        return answer

    async def after(self, fault, answer, body):
        part = body[:self.chance.randrange(len(body))] if body else b""
        if fault == "cut after":
            raise Cut
        if fault == "answered 504 after":
            await self.send(refusal(504, self.chance))
        elif fault == "truncated body":
            await self.send(as_text(answer, body) + part)
            raise Cut
        elif fault == "truncated chunk":
            framed = Head(answer.start, {name: value for name, value in answer.headers.items()
                                         if name != "content-length"})
            framed.headers["transfer-encoding"] = "chunked"
            await self.send(as_text(framed) + as_chunk(part, len(body) or 1))
            raise Cut
        elif is_chunked(answer):
            await self.send(as_text(answer) + (as_chunk(body) if body else b"") + b"0\r\n\r\n")
        else:
            await self.send(as_text(answer, body) + body)

    # Watches.

    async def watch(self, answer):
        """Passes the lines on until either side ends, or until the fault that was drawn for it."""
        await self.send(as_text(answer))
        lines = asyncio.Queue()
        pump = asyncio.create_task(self.pump(lines))
        gone = asyncio.create_task(self.reader.read(1))
        try:
            await self.pass_on(lines, gone)
        finally:
            pump.cancel()
            gone.cancel()

    async def pump(self, lines):
        """An empty line is the stream's end, None its breaking off."""
        try:
            while True:
                lines.put_nowait(chunk := await read_chunk(self.up_reader))
                if not chunk:
                    return
        except (OSError, EOFError, ValueError):
            lines.put_nowait(None)

    async def next_line(self, lines, gone, deadline):
        """The next line, or TimeoutError; Cut when there will be none."""
        arrival = asyncio.create_task(lines.get())
        loop = asyncio.get_running_loop()
        rest = None if deadline is None else max(0, deadline - loop.time())
        done, _ = await asyncio.wait({arrival, gone}, timeout=rest,
                                     return_when=asyncio.FIRST_COMPLETED)
        if arrival in done:
            if arrival.result() is None:
                raise Cut
            return arrival.result()
        arrival.cancel()
        if gone in done:
            raise Cut
        raise TimeoutError

    async def pass_on(self, lines, gone):
        strike, fault = self.proxy.draw_strike()
        late = False
        while True:
            try:
                line = await self.next_line(lines, gone, strike)
            except TimeoutError:
                if not self.proxy.on:
                    strike = None
                    continue
                if fault == "watch cut in a line":  # It needs a line.
                    line = await self.next_line(lines, gone, None)
                    self.proxy.count(fault)
                    await self.send(as_chunk(line[:len(line) // 2], max(1, len(line))))
                    raise Cut from None
                self.proxy.count(fault)
                if fault == "watch late":
                    late, strike = True, None
                    continue
                await self.spoil(fault, lines, gone)
                return
            if late and self.proxy.on:
                await asyncio.sleep(self.chance.uniform(0, 3))
            await self.send(as_chunk(line))
            if not line:
                return

    async def spoil(self, fault, lines, gone):
        if fault == "watch cut":
            raise Cut
        if fault == "watch silent":
            seconds = self.proxy.options.silence_seconds
            until = asyncio.get_running_loop().time() + seconds if seconds else None
            with contextlib.suppress(TimeoutError):
                while True:
                    await self.next_line(lines, gone, until)
            raise Cut
        if fault == "watch expired":
            event = json.dumps({"type": "ERROR", "object": EXPIRED}).encode() + b"\n"
            await self.send(as_chunk(event))
        await self.send(b"0\r\n\r\n")
        raise Cut  # The stream behind it goes on: this pair of connections has no further use.


class Proxy:
    def __init__(self, options):
        self.options = options
        self.upstream = urllib.parse.urlsplit(options.server)
        self.chance = random.Random(options.seed)
        self.request_deck = Deck(self.chance, REQUEST_FAULTS)
        self.watch_deck = Deck(self.chance, WATCH_FAULTS)
        # A short run sees few such pages.
        self.page_deck = Deck(self.chance, PAGE_FAULTS, ["page expired"])
        self.counts = collections.Counter(
            {name: 0 for name in (*REQUEST_FAULTS, *WATCH_FAULTS, *PAGE_FAULTS, OUTAGE)})
        self.on = False
        self.open = set()
        self.server = None
        self.port = 0
        self.up_tls = ssl.create_default_context(cafile=options.ca_file)
        self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.tls.load_cert_chain(*make_certificate(pathlib.Path(options.folder)))

    def count(self, what):
        self.counts[what] += 1

    # What happens next.

    def draw_request(self, watch):
        """Of the open watch itself, see draw_strike()."""
        if not self.on or self.chance.random() >= self.options.share:
            return None
        fault = self.chance.choice(OPENING_FAULTS) if watch else self.request_deck.draw()
        self.count(fault)
        return fault

    def draw_page(self):
        if not self.on:
            return None
        page = self.page_deck.draw()
        self.count(page)
        return page

    def draw_strike(self):
        """(when on the loop's clock, what) of a watch that was just opened."""
        if not self.on:
            return None, None
        seconds = self.chance.uniform(0, 2 * self.options.watch_seconds)
        return asyncio.get_running_loop().time() + seconds, self.watch_deck.draw()

    # Listening.

    async def connect(self):
        return await asyncio.open_connection(self.upstream.hostname, self.upstream.port or 443,
                                             ssl=self.up_tls)

    async def accept(self, reader, writer):
        self.open.add(connection := Connection(self, reader, writer))
        try:
            await connection.run()
        finally:
            self.open.discard(connection)

    async def listen(self):
        self.server = await asyncio.start_server(self.accept, "127.0.0.1", self.port, ssl=self.tls,
                                                 limit=16 * 1024 * 1024)
        self.port = self.server.sockets[0].getsockname()[1]

    async def outages(self):
        """As when an API server restarts: all connections break, and for seconds none is accepted."""
        while True:
            await asyncio.sleep(self.chance.uniform(0.5, 1.5) * self.options.outage_seconds)
            if not self.on:
                continue
            self.count(OUTAGE)
            self.server.close()
            for connection in list(self.open):
                connection.cut()
            await asyncio.sleep(self.chance.uniform(1, 4))
            await self.listen()

    async def run(self):
        await self.listen()
        outages = asyncio.create_task(self.outages())
        say({"server": f"https://127.0.0.1:{self.port}", "seed": self.options.seed})
        commands = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
        while (line := (await commands.readline()).decode().strip()):
            if line in ("on", "off"):
                self.on = line == "on"
            say(self.counts)
            if outages.done():
                outages.result()


def say(what):
    print(json.dumps(what), flush=True)


def make_certificate(folder):
    """A certificate for 127.0.0.1 that is its own authority; (certificate, key)."""
    certificate, key = folder / "ca.crt", folder / "tls.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-noenc", "-days", "2", "-subj", "/CN=wire proxy", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    return certificate, key


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True, help="the real API server's URL")
    parser.add_argument("--ca-file", required=True, help="the real API server's authority")
    parser.add_argument("--folder", required=True, help="where certificate and key are put")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    parser.add_argument("--share", type=float, default=0.2, help="of the requests that are struck")
    parser.add_argument("--watch-seconds", type=float, default=15, help="mean life of a watch")
    parser.add_argument("--outage-seconds", type=float, default=30, help="mean time between outages")
    parser.add_argument("--silence-seconds", type=float, default=0,
                        help="after which a silent watch is cut; 0: never, the client must notice")
    parser.add_argument("--client-timeout", type=float, default=30,
                        help="the client's patience with one request; overdue ones come later")
    asyncio.run(Proxy(parser.parse_args()).run())


if __name__ == "__main__":
    main()
