#!/usr/bin/env python3
"""Make a one-layer container image, as an OCI layout in a tar, from a folder.

No daemon, no registry and no network: the folder becomes the root of the
image's file system.  The same folder and options always give the same bytes:
entries are sorted, owned by root and dated SOURCE_DATE_EPOCH (or 1970), and
the gzip header carries neither name nor time.  Modes and symbolic links are
kept.  The result can be loaded with `ctr images import`, `podman load`,
`skopeo copy oci-archive:...`, `docker load` and `kind load image-archive`.

Formats: OCI image specification 1.1 (image-layout.md, manifest.md, config.md).
"""

import argparse
import datetime
import gzip
import hashlib
import io
import json
import os
import platform
import stat
import sys
import tarfile
import tempfile

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
MEDIA = "application/vnd.oci.image."


def fail(message):
    sys.exit(f"oci_layout.py: {message}")


def full_name(ref):
    """The name by which a container runtime looks the image up.

    A name without a registry's host means docker.io, and one without a slash
    docker.io/library, as in the reference grammar that containerd follows.
    """
    name, _, tag = ref.rpartition(":")
    if not name or "/" in tag:
        fail(f"--ref {ref}: expected NAME:TAG")
    first, slash, _ = name.partition("/")
    if not slash:
        name = "docker.io/library/" + name
    elif "." not in first and ":" not in first and first != "localhost":
        name = "docker.io/" + name
    return f"{name}:{tag}", tag


def add_entry(archive, root, path, mtime):
    """Adds one directory, file or symbolic link, owned by root."""
    info = tarfile.TarInfo(os.path.relpath(path, root))
    status = os.lstat(path)
    info.mode = stat.S_IMODE(status.st_mode)
    info.mtime = mtime
    if stat.S_ISDIR(status.st_mode):
        info.type = tarfile.DIRTYPE
        archive.addfile(info)
    elif stat.S_ISLNK(status.st_mode):
        info.type = tarfile.SYMTYPE
        info.linkname = os.readlink(path)
        archive.addfile(info)
    elif stat.S_ISREG(status.st_mode):
        info.size = status.st_size
        with open(path, "rb") as source:
            archive.addfile(info, source)
    else:
        fail(f"{path}: neither a file, a directory nor a symbolic link")


class HashingWriter:
    """Passes bytes on and keeps their digest."""

    def __init__(self, target):
        self.target = target
        self.sha256 = hashlib.sha256()

    def write(self, data):
        self.sha256.update(data)
        return self.target.write(data)

    def flush(self):
        self.target.flush()


def write_layer(root, target, mtime):
    """Writes the gzipped layer and returns its digest and its diff id."""
    packed = HashingWriter(target)
    with gzip.GzipFile("", "wb", compresslevel=6, fileobj=packed, mtime=0) as zipped:
        plain = HashingWriter(zipped)
        with tarfile.open(mode="w|", fileobj=plain, format=tarfile.GNU_FORMAT) as archive:
            for folder, folders, files in os.walk(root):
                folders.sort()
                if folder != root:
                    add_entry(archive, root, folder, mtime)
                links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
                for name in sorted(files + links):
                    add_entry(archive, root, os.path.join(folder, name), mtime)
    return packed.sha256.hexdigest(), plain.sha256.hexdigest()


def compact(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def image_config(options, diff_id, created):
    config = {}
    if options.entrypoint:
        config["Entrypoint"] = options.entrypoint
    if options.cmd:
        config["Cmd"] = options.cmd
    if options.user:
        config["User"] = options.user
    if options.env:
        config["Env"] = options.env
    if options.workdir:
        config["WorkingDir"] = options.workdir
    if options.label:
        config["Labels"] = dict(pair.split("=", 1) for pair in options.label)
    return {
        "created": created,
        "architecture": options.arch,
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + diff_id]},
        "history": [{"created": created, "created_by": "oci_layout.py"}],
    }


def write_image(options, layer, output):
    """Writes the whole layout to `output`; `layer` is a scratch file."""
    mtime = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    created = datetime.datetime.fromtimestamp(mtime, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    layer_digest, diff_id = write_layer(options.root, layer, mtime)
    layer_size = layer.tell()
    layer.seek(0)

    def describe(media, blob):
        digest = hashlib.sha256(blob).hexdigest()
        return {"mediaType": MEDIA + media, "digest": "sha256:" + digest, "size": len(blob)}

    config = compact(image_config(options, diff_id, created))
    manifest = compact({
        "schemaVersion": 2,
        "mediaType": MEDIA + "manifest.v1+json",
        "config": describe("config.v1+json", config),
        "layers": [{"mediaType": MEDIA + "layer.v1.tar+gzip",
                    "digest": "sha256:" + layer_digest, "size": layer_size}],
    })
    entry = describe("manifest.v1+json", manifest)
    entry["platform"] = {"architecture": options.arch, "os": "linux"}
    name, tag = full_name(options.ref)
    entry["annotations"] = {"io.containerd.image.name": name,
                            "org.opencontainers.image.ref.name": tag}
    index = compact({"schemaVersion": 2, "mediaType": MEDIA + "index.v1+json",
                     "manifests": [entry]})

    with tarfile.open(mode="w", fileobj=output, format=tarfile.GNU_FORMAT) as archive:
        def put(path, size, source):
            info = tarfile.TarInfo(path)
            info.size, info.mtime, info.mode = size, mtime, 0o644
            archive.addfile(info, source)

        def put_bytes(path, blob):
            put(path, len(blob), io.BytesIO(blob))

        for blob in sorted((config, manifest), key=lambda blob: hashlib.sha256(blob).hexdigest()):
            put_bytes("blobs/sha256/" + hashlib.sha256(blob).hexdigest(), blob)
        put("blobs/sha256/" + layer_digest, layer_size, layer)
        put_bytes("index.json", index)
        put_bytes("oci-layout", compact({"imageLayoutVersion": "1.0.0"}))
    return name


def json_list(text):
    value = json.loads(text)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("not a JSON list of strings")
    return value


def key_value(text):
    if "=" not in text:
        raise ValueError("expected KEY=VALUE")
    return text


def parse_arguments():
    machine = platform.machine()
    parser = argparse.ArgumentParser(description="Make a one-layer OCI image from a folder.")
    parser.add_argument("--root", required=True, metavar="DIR", help="folder that becomes the image's /")
    parser.add_argument("--ref", required=True, metavar="NAME:TAG", help="name of the image")
    parser.add_argument("--output", required=True, metavar="FILE.tar", help="file to write")
    parser.add_argument("--entrypoint", type=json_list, metavar="JSON", help="such as '[\"/manager\"]'")
    parser.add_argument("--cmd", type=json_list, metavar="JSON", help="default arguments")
    parser.add_argument("--user", metavar="UID[:GID]", help="user of the process (default: root)")
    parser.add_argument("--workdir", metavar="DIR", help="working directory of the process")
    parser.add_argument("--env", type=key_value, action="append", metavar="K=V", help="may be repeated")
    parser.add_argument("--label", type=key_value, action="append", metavar="K=V", help="may be repeated")
    parser.add_argument("--arch", default=ARCHITECTURES.get(machine, machine), help="default: this machine's")
    return parser.parse_args()


def main():
    options = parse_arguments()
    if not os.path.isdir(options.root):
        fail(f"--root {options.root}: no such folder")
    folder = os.path.dirname(os.path.abspath(options.output))
    # The image appears under its name only when it is complete.
    handle, unfinished = tempfile.mkstemp(prefix=".oci_layout.", dir=folder)
    try:
        with os.fdopen(handle, "wb") as output, tempfile.TemporaryFile(dir=folder) as layer:
            name = write_image(options, layer, output)
        os.chmod(unfinished, 0o644)
        os.replace(unfinished, options.output)
    except BaseException:
        os.unlink(unfinished)
        raise
    print(name)


if __name__ == "__main__":
    main()
