"""An S3 server on this machine that verifies signatures and that pods of the testbed can reach."""
import contextlib
import pathlib
import shutil
import socket
import subprocess
import tempfile

from harness import testbed as testbeds
from harness.wait import NotYet, wait_for

ADDRESS = "10.200.0.1"  # The machine's, on the bridge of the testbed's nodes.
REGION = "test-region-1"
KEY, SECRET = "e2e-key", "e2e-secret"
BUCKET = "backups"


def credentials(key=KEY, secret=SECRET):
    """The file that a Secret holds under `credentials`."""
    return f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"


class Store:
    def __init__(self, folder, port):
        self.folder = folder
        self.endpoint = f"http://{ADDRESS}:{port}"

    def spec(self, secret="store", **more):
        """For spec.s3 of an EtcdBackup."""
        return {"bucket": BUCKET, "endpoint": self.endpoint, "region": REGION,
                "forcePathStyle": True, "credentialsSecret": secret, **more}

    def objects(self):
        """{name: bytes} of all that is stored; not what is being uploaded."""
        bucket = self.folder / BUCKET
        return {str(path.relative_to(bucket)): path.read_bytes()
                for path in bucket.rglob("*") if path.is_file() and ".sgwtmp" not in path.parts}

    def unfinished(self):
        """Parts of uploads that were neither completed nor aborted."""
        return [str(path) for path in (self.folder / BUCKET).rglob("*")
                if ".sgwtmp" in path.parts and path.is_file()]


def free_port():
    with socket.socket() as listener:
        listener.bind((ADDRESS, 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def running():
    program = testbeds.part("versitygw") / "versitygw"
    folder = pathlib.Path(tempfile.mkdtemp(prefix="etcd-operator-e2e-store-"))
    (folder / BUCKET).mkdir()
    port = free_port()
    with open(folder.with_suffix(".log"), "w", encoding="utf-8") as log:
        server = subprocess.Popen(
            [program, "--port", f"{ADDRESS}:{port}", "--region", REGION, "--quiet", "posix", folder],
            env={"ROOT_ACCESS_KEY": KEY, "ROOT_SECRET_KEY": SECRET}, stdout=log, stderr=log)

    def listens():
        try:
            socket.create_connection((ADDRESS, port), timeout=1).close()
        except OSError as error:
            raise NotYet(str(error)) from error
        return True
    try:
        wait_for(listens, 20, "versitygw listens")
        yield Store(folder, port)
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder)
        folder.with_suffix(".log").unlink()
