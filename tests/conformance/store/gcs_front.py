#!/usr/bin/python3
"""What Google has and fake-gcs-server lacks, in front of it: token servers that verify what they are sent,
a store that wants their tokens, and upload sessions as they are documented.

    gcs_front.py PORT KEY-FILE SUBJECT-KEY-FILE     fake-gcs-server listens on 127.0.0.1:PORT

The first line on stdout is the port that it listens on; it ends when its stdin does. KEY-FILE is the service
accounts' key, SUBJECT-KEY-FILE the one of an issuer whose tokens are exchanged. fake-gcs-server asks for no
token, takes each chunk for new ones (a repeated one twice), takes a question how far an upload is for its
end, and never forgets an upload; so the sessions are kept here, and it gets each byte once.

    POST /token            a service account's JWT for an access token (RFC 7523)
    POST /exchange         another issuer's token for one (RFC 8693)
    POST /impersonate      that for a service account's
    GET  /computeMetadata  the metadata server
    POST /-/control        JSON: lifetime (seconds of the next tokens), expire (all that were given), failures
                           (of the token servers, from now on), short (chunks of which half is taken)
    GET  /-/counts         JSON: issued and refused tokens, sessions that are open
"""
import http.client
import http.server
import json
import secrets
import sys
import threading
import time
import urllib.parse

import tokens

QUANTUM = 256 * 1024
SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
CLOUD = "https://www.googleapis.com/auth/cloud-platform"
ACCOUNTS = ("writer@project.example", "reader@project.example")
AUDIENCE = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/cluster"
PATIENCE_S = 300  # By how much clocks may differ.

control = {"lifetime": 3600, "failures": 0, "short": 0}
counts = {"issued": 0, "refused": 0}
given = {}  # Access token: account and time of its end.
sessions = {}


class Session:
    def __init__(self):
        self.lock = threading.Lock()  # A request may still be read whose connection broke.
        self.has = 0  # Bytes.
        self.answer = None  # The object, once it is there.
        self.ended = False


def new_token(account):
    token = "ya29." + secrets.token_urlsafe(24)
    given[token] = (account, time.time() + control["lifetime"])
    counts["issued"] += 1
    return token


class Front(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store_port = 0
    account_key = subject_key = 0

    def log_message(self, format, *args):  # noqa: A002: the base class's name
        pass

    def answer(self, status, json_body=None, headers=(), body=b""):
        if json_body is not None:
            body = json.dumps(json_body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status, reason, message):
        self.answer(status, {"error": {"code": status, "message": message, "errors": [{"reason": reason}]}})

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def own_url(self, path):
        return f"http://{self.headers['Host']}{path}"

    # Tokens.

    def grant(self, account):
        self.answer(200, {"access_token": new_token(account), "expires_in": control["lifetime"],
                          "token_type": "Bearer"})

    def token_error(self, reason, message):
        self.answer(400, {"error": reason, "error_description": message})

    def service_account_token(self, form):
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            raise tokens.Refused("another grant type")
        claims = tokens.verify(form.get("assertion", ""), self.account_key, "key-1")
        now = time.time()
        if claims.get("aud") != self.own_url("/token") or claims.get("scope") != SCOPE:
            raise tokens.Refused("another audience or scope")
        if claims.get("iss") not in ACCOUNTS:
            raise tokens.Refused("Invalid grant: account not found")
        if not now - PATIENCE_S <= claims["iat"] <= now + PATIENCE_S or not now < claims["exp"] <= claims["iat"] + 3600:
            raise tokens.Refused("Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
                                 "timeframe. Check your iat and exp values in the JWT claim.")
        self.grant(claims["iss"])

    def exchanged_token(self, form):
        if (form.get("grant_type") != "urn:ietf:params:oauth:grant-type:token-exchange" or form.get("scope") != CLOUD or
                form.get("requested_token_type") != "urn:ietf:params:oauth:token-type:access_token" or
                form.get("subject_token_type") != "urn:ietf:params:oauth:token-type:jwt"):
            raise tokens.Refused("another exchange")
        claims = tokens.verify(form.get("subject_token", ""), self.subject_key, "cluster")
        if form.get("audience") != AUDIENCE or AUDIENCE not in claims["aud"] or claims["exp"] < time.time():
            raise tokens.Refused("another audience, or expired")
        self.grant("federated")

    def impersonated_token(self, text):
        account = self.account()
        if account != "federated" or json.loads(text).get("scope") != [SCOPE]:
            raise tokens.Refused("not that one's")
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + control["lifetime"]))
        self.answer(200, {"accessToken": new_token(ACCOUNTS[0]), "expireTime": until})

    def token_server(self, path, text):
        if control["failures"]:
            control["failures"] -= 1
            self.answer(503, {"error": "internal_failure"})
            return
        form = dict(urllib.parse.parse_qsl(text.decode()))
        try:
            if path == "/token":
                self.service_account_token(form)
            elif path == "/exchange":
                self.exchanged_token(form)
            elif path == "/impersonate":
                self.impersonated_token(text)
            elif self.headers.get("Metadata-Flavor") == "Google":
                self.grant(ACCOUNTS[0])
            else:
                self.answer(403)
        except tokens.Refused as why:
            self.token_error("invalid_grant", str(why))

    def account(self):
        """Who asks; None for a token that is none, or none any more."""
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        account, until = given.get(token, (None, 0))
        return account if kind == "Bearer" and time.time() < until else None

    # The store.

    def store(self, path, body, headers=None):
        """Its answer to one request: status, headers, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.store_port)
        try:
            kept = headers if headers is not None else {
                name: value for name, value in self.headers.items() if name.lower() != "content-length"}
            connection.request(self.command, path, body or None, kept)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def pass_on(self, path, query, body):
        wanted = query.get("ifGenerationMatch")
        if wanted and self.command == "GET":
            status, _, text = self.store(path, b"", {})
            if status == 200 and json.loads(text)["generation"] != wanted:
                self.refuse(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")
                return
        status, headers, text = self.store(self.path, body)
        kept = [pair for pair in headers if pair[0].lower() not in ("content-length", "transfer-encoding", "connection")]
        self.answer(status, None, kept, text)

    def begin(self, path, query, body):
        status, headers, text = self.store(path + "?" + urllib.parse.urlencode(query), body)
        if status != 200:
            self.answer(status, body=text)
            return
        upload = urllib.parse.parse_qs(urllib.parse.urlsplit(dict(headers)["Location"]).query)["upload_id"][0]
        sessions[upload] = Session()
        self.answer(200, headers=[("Location", self.own_url(f"{path}?uploadType=resumable&upload_id={upload}"))])

    def incomplete(self, session):
        self.answer(308, headers=[("Range", f"bytes=0-{session.has - 1}")] if session.has else [])

    def upload(self, session, path, query):
        size = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(size)
        unit, _, rest = self.headers["Content-Range"].partition(" ")
        span, _, total = rest.partition("/")
        last = total != "*"
        with session.lock:
            if session.ended:
                self.answer(410)
            elif session.answer:
                self.answer(200, body=session.answer)
            elif unit != "bytes":
                self.refuse(400, "invalid", "no range of bytes")
            elif span == "*" and not (last and int(total) == session.has):
                self.incomplete(session)
            else:
                first = session.has if span == "*" else int(span.split("-")[0])
                self.take(session, path, query, first, body, size, int(total) if last else None)

    def take(self, session, path, query, first, body, size, total):
        whole = len(body) == size
        if first > session.has or (total is None and size % QUANTUM):
            self.refuse(400, "invalid", "a gap, or no multiple of 256 KiB")
            return
        body = body[session.has - first:]
        if control["short"]:
            control["short"] -= 1
            body, whole = body[:len(body) // 2], False
        ends = whole and total is not None
        if not ends:
            body = body[:len(body) // QUANTUM * QUANTUM]
        if body or ends:
            span = f"{session.has}-{session.has + len(body) - 1}" if body else "*"
            status, _, text = self.store(path + "?" + urllib.parse.urlencode(query), body,
                                         {"Content-Range": f"bytes {span}/{total if ends else '*'}"})
            session.has += len(body)
            if ends:
                self.finish(session, status, text, total)
                return
        self.incomplete(session)

    def finish(self, session, status, text, total):
        made = json.loads(text)
        wanted = self.headers.get("X-Goog-Hash", "")
        if status != 200 or session.has != total or wanted != "crc32c=" + made["crc32c"]:
            self.refuse(400, "invalid", f"{status}, {session.has} of {total} bytes, {wanted}: {text[:200]}")
            return
        session.answer = text
        self.answer(200, body=text)

    def serve_store(self, path, query):
        account = self.account()
        if not account:
            counts["refused"] += 1
            self.body()
            self.refuse(401, "authError", "Invalid Credentials")
        elif account != ACCOUNTS[0] and self.command != "GET":
            self.body()
            self.refuse(403, "forbidden", f"{account} does not have storage.objects.create access.")
        elif "upload_id" in query:
            session = sessions.get(query["upload_id"])
            if not session:
                self.body()
                self.answer(404)
            elif self.command == "DELETE":
                session.ended = True
                self.answer(499)
            else:
                self.upload(session, path, query)
        elif query.get("uploadType") == "resumable":
            self.begin(path, query, self.body())
        else:
            self.pass_on(path, query, self.body())

    def serve(self):
        where = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(where.query))
        if where.path == "/-/control":
            asked = json.loads(self.body())
            if asked.pop("expire", False):
                given.clear()
            control.update(asked)
            self.answer(200, {})
        elif where.path == "/-/counts":
            open_ones = sum(not session.ended and not session.answer for session in sessions.values())
            self.answer(200, {**counts, "sessions": open_ones})
        elif where.path.startswith(("/storage/", "/upload/")):
            self.serve_store(where.path, query)
        else:
            self.token_server(where.path, self.body())

    do_GET = do_POST = do_PUT = do_DELETE = serve  # noqa: N815: the base class's names


def main():
    Front.store_port = int(sys.argv[1])
    Front.account_key, Front.subject_key = (tokens.modulus(path) for path in sys.argv[2:4])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Front)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
