#!/usr/bin/python3
"""An issuer of tokens as a Kubernetes cluster is one, and a role at versitygw's IAM service that trusts it.

    web_identity.py IAM-URL ADDRESS FOLDER

Serves the issuer's keys on https://ADDRESS and registers it and the role; the IAM service fetches the keys
from there, but from no private address. Leaves in FOLDER the tokens good.token, forged.token (another key),
expired.token and stranger.token (a subject that the role does not trust). Prints the role's ARN when all
is ready; it ends when its stdin does. FOLDER has issuer.key, issuer.crt and forger.key.
"""
import datetime
import hashlib
import hmac
import http.server
import json
import pathlib
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

import tokens

ACCESS_KEY, SECRET_KEY = "store-test-key", "store-test-secret"
AUDIENCE = "sts.amazonaws.com"
SUBJECT = "system:serviceaccount:team-a:backup"


def signed(url, form):
    """A request to IAM (Signature Version 4)."""
    body = urllib.parse.urlencode({**form, "Version": "2010-05-08"}).encode()
    stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(body).hexdigest()
    host = urllib.parse.urlsplit(url).netloc
    headers = {"content-type": "application/x-www-form-urlencoded", "host": host, "x-amz-content-sha256": digest,
               "x-amz-date": stamp}
    names = ";".join(headers)
    canonical = "\n".join(["POST", "/", "", *(f"{name}:{value}" for name, value in headers.items()), "", names, digest])
    scope = f"{stamp[:8]}/us-east-1/iam/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = b"AWS4" + SECRET_KEY.encode()
    for part in [*scope.split("/"), text]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope}, SignedHeaders={names}, "
                                f"Signature={key.hex()}")
    return urllib.request.Request(url + "/", body, headers)


def iam(url, **form):
    try:
        with urllib.request.urlopen(signed(url, form), timeout=10) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        sys.exit(f"web_identity: {form['Action']}: {error.read().decode()}")


def serve(address, folder):
    number = tokens.modulus(str(folder / "issuer.key"))
    documents = {
        "/.well-known/openid-configuration": {
            "issuer": f"https://{address}", "jwks_uri": f"https://{address}/keys",
            "response_types_supported": ["id_token"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"]},
        "/keys": {"keys": [{
            "kty": "RSA", "alg": "RS256", "use": "sig", "kid": "issuer",
            "n": tokens.b64(number.to_bytes((number.bit_length() + 7) // 8, "big")),
            "e": tokens.b64(tokens.EXPONENT.to_bytes(3, "big"))}]}}

    class Issuer(http.server.BaseHTTPRequestHandler):
        def log_message(self, format, *args):  # noqa: A002: the base class's name
            pass

        def do_GET(self):  # noqa: N802: the base class's name
            document = json.dumps(documents.get(self.path, {})).encode()
            self.send_response(200 if self.path in documents else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(document)))
            self.end_headers()
            self.wfile.write(document)

    server = http.server.ThreadingHTTPServer((address, 443), Issuer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "issuer.crt", folder / "issuer.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def register(url, address, folder):
    """The ARN of the role."""
    certificate = subprocess.run(["openssl", "x509", "-in", folder / "issuer.crt", "-outform", "DER"], check=True,
                                 capture_output=True).stdout
    # Its name for a certificate is the SHA-1 of it; nothing rests on that here.
    thumbprint = hashlib.sha1(certificate).hexdigest()
    iam(url, Action="CreateOpenIDConnectProvider", Url=f"https://{address}",
        **{"ClientIDList.member.1": AUDIENCE, "ThumbprintList.member.1": thumbprint})
    provider = f"arn:aws:iam::000000000000:oidc-provider/{address}"
    trust = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{address}:sub": SUBJECT, f"{address}:aud": AUDIENCE}}}]}
    iam(url, Action="CreateRole", RoleName="backup", AssumeRolePolicyDocument=json.dumps(trust))
    rights = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::backups", "arn:aws:s3:::backups/*"]}]}
    iam(url, Action="PutRolePolicy", RoleName="backup", PolicyName="store", PolicyDocument=json.dumps(rights))
    return "arn:aws:iam::000000000000:role/backup"


def write_tokens(address, folder):
    now = int(time.time())

    def write(name, key="issuer.key", subject=SUBJECT, end=now + 3600):
        (folder / name).write_text(tokens.sign(str(folder / key), "issuer", {
            "iss": f"https://{address}", "sub": subject, "aud": [AUDIENCE], "iat": end - 3600, "exp": end}) + "\n")

    write("good.token")
    write("forged.token", key="forger.key")
    write("expired.token", end=now - 600)
    write("stranger.token", subject="system:serviceaccount:team-b:backup")


def main():
    url, address, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    serve(address, folder)
    write_tokens(address, folder)
    print(register(url, address, folder), flush=True)
    sys.stdin.read()


main()
