#!/usr/bin/python3
"""A proxy between an object store and its client that spoils chosen requests.

    faulty_wire.py PORT KIND    the store listens on 127.0.0.1:PORT; it answers as s3 or gcs

The first line on stdout is the port that it listens on. POST /-/arm with the body "FAULT AFTER TIMES"
lets AFTER requests pass and spoils the TIMES that follow; with `revoked`, only those that write. POST
/-/seen answers with the heads of all requests since. It ends when its stdin does.
"""
import asyncio
import contextlib
import sys

XML = "<Error><Code>{}</Code><Message>said the proxy</Message></Error>"
JSON = '{{"error": {{"message": "said the proxy", "errors": [{{"reason": "{}"}}]}}}}'
HTML = (502, "<html><p>Bad gateway</html>")
ANSWERS = {
    "s3": {
        "500": (500, XML.format("InternalError")),
        "503": (503, XML.format("ServiceUnavailable")),
        "429": (429, XML.format("TooManyRequests")),
        "slow-down": (503, XML.format("SlowDown")),
        "html": HTML,
        "revoked": (403, XML.format("AccessDenied")),
    },
    "gcs": {
        "500": (500, JSON.format("backendError")),
        "503": (503, JSON.format("backendError")),
        "429": (429, JSON.format("rateLimitExceeded")),
        "slow-down": (403, JSON.format("userRateLimitExceeded")),
        "html": HTML,
        "revoked": (403, JSON.format("forbidden")),
    },
}
armed = {"fault": "", "after": 0, "times": 0}
seen = []


class Cut(Exception):
    """This connection is to break now."""


async def head_of(reader):
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return lines[0], headers


def fault_for(method):
    if armed["fault"] == "revoked" and method not in ("PUT", "POST"):
        return ""
    if armed["after"]:
        armed["after"] -= 1
        return ""
    if armed["times"]:
        armed["times"] -= 1
        return armed["fault"]
    return ""


def answer(status, text):
    body = text.encode()
    return b"HTTP/1.1 %d Spoilt\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n%b" % (
        status, len(body), body)


async def exchange(start, raw, body, upstream, fault):
    """The store's answer to one request, whole."""
    reader, writer = upstream
    writer.write(raw)
    writer.write(body[:len(body) // 2] if fault == "cut-body" else body)
    await writer.drain()
    if fault == "cut-body":
        raise Cut
    head = await reader.readuntil(b"\r\n\r\n")
    headers = head.decode("latin-1").lower()
    if start.startswith("HEAD") or " 204 " in headers.split("\r\n")[0]:
        return head
    if "transfer-encoding: chunked" in headers:
        while True:
            size = await reader.readuntil(b"\r\n")
            head += size + await reader.readexactly(int(size, 16) + 2)
            if int(size, 16) == 0:
                return head
    length = next((line.split(":")[1] for line in headers.split("\r\n") if line.startswith("content-length:")), "0")
    return head + await reader.readexactly(int(length))


async def serve_one(reader, writer, store_port, answers):
    start, headers = await head_of(reader)
    method = start.split(" ")[0]
    if " /-/arm " in start:
        fault, after, times = (await reader.readexactly(int(headers["content-length"]))).decode().split()
        armed.update(fault=fault, after=int(after), times=int(times))
        seen.clear()
        writer.write(answer(200, ""))
        return
    if " /-/seen " in start:
        writer.write(answer(200, "\n".join(seen)))
        return
    seen.append("\n".join([start, *(f"{name}: {value}" for name, value in headers.items() if name), ""]))
    fault = fault_for(method)
    if fault == "cut-head":
        raise Cut
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    if fault in answers:
        status, text = answers[fault]
        writer.write(answer(status, "" if method == "HEAD" else text))
        return
    raw = "\r\n".join([start, *(f"{name}: {value}" for name, value in headers.items() if name), "", ""])
    upstream = await asyncio.open_connection("127.0.0.1", store_port, limit=1 << 26)
    try:
        whole = await exchange(start, raw.encode("latin-1"), body, upstream, fault)
    finally:
        upstream[1].close()
    if fault == "cut-after":  # Carried out, and the client does not learn that.
        raise Cut
    writer.write(whole[:len(whole) * 2 // 3] if fault == "cut-answer" else whole)
    await writer.drain()
    if fault == "cut-answer":
        raise Cut


async def serve(reader, writer, store_port, answers):
    with contextlib.suppress(Cut, asyncio.IncompleteReadError, ConnectionError):
        while True:
            await serve_one(reader, writer, store_port, answers)
            await writer.drain()
    writer.close()


async def main():
    store_port, answers = int(sys.argv[1]), ANSWERS[sys.argv[2]]
    server = await asyncio.start_server(lambda r, w: serve(r, w, store_port, answers), "127.0.0.1", 0, limit=1 << 26)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


asyncio.run(main())
