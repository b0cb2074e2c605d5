#!/usr/bin/python3
"""Makes the credentials files of the tests, and the bucket.

    gcs_files.py FRONT-URL STORE-URL FOLDER     with ACCOUNT.key, SUBJECT.key and their wrong ones in it
"""
import json
import pathlib
import sys
import time
import urllib.request

import gcs_front
import tokens

front, store, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])


def service_account(name, email, key):
    (folder / name).write_text(json.dumps({
        "type": "service_account", "project_id": "project", "private_key_id": "key-1",
        "private_key": (folder / key).read_text(), "client_email": email, "token_uri": front + "/token"}))


def external_account(name, key):
    now = int(time.time())
    token = tokens.sign(str(folder / key), "cluster", {
        "iss": "https://kubernetes.default.svc", "sub": "system:serviceaccount:ns:backup", "aud": [gcs_front.AUDIENCE],
        "iat": now, "exp": now + 3600})
    token_file = folder / (name + ".token")
    token_file.write_text(json.dumps({"kind": "token", "value": token}))
    (folder / name).write_text(json.dumps({
        "type": "external_account", "audience": gcs_front.AUDIENCE, "token_url": front + "/exchange",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "service_account_impersonation_url": front + "/impersonate",
        "credential_source": {"file": str(token_file),
                              "format": {"type": "json", "subject_token_field_name": "value"}}}))


service_account("writer.json", "writer@project.example", "account.key")
service_account("reader.json", "reader@project.example", "account.key")
service_account("wrong-key.json", "writer@project.example", "other-account.key")
service_account("wrong-account.json", "nobody@project.example", "account.key")
external_account("external.json", "subject.key")
external_account("external-wrong.json", "other-subject.key")
request = urllib.request.Request(store + "/storage/v1/b", json.dumps({"name": "backups"}).encode(),
                                 {"Content-Type": "application/json"})
urllib.request.urlopen(request, timeout=10).close()
