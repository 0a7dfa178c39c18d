"""A real Postgres and a real S3 server for the tests of what several machines share."""

import getpass
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a database cluster that lives as long as the tests."""
    pytest.importorskip("psycopg", reason="no driver for Postgres")
    programs = next(iter(Path("/usr/lib/postgresql").glob("*/bin")), Path("/usr/local/bin"))
    if not (programs / "initdb").exists():
        pytest.skip("no Postgres on this machine")
    folder = Path(tempfile.mkdtemp(prefix="lmc-pg-"))
    account: list[str] = []
    if getpass.getuser() == "root":  # Postgres refuses to run as root
        shutil.chown(folder, "nobody")
        account = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    data = folder / "data"
    subprocess.run(
        [*account, programs / "initdb", "-D", data, "-U", "lmc", "-A", "trust", "-N"], check=True, capture_output=True
    )
    options = f"-k {folder} -h '' -F"
    start = [programs / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w"]
    subprocess.run([*account, *start, "start"], check=True, capture_output=True)
    yield f"postgresql+psycopg://lmc@/postgres?host={folder}"
    subprocess.run([*account, *start, "-m", "immediate", "stop"], check=True, capture_output=True)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def s3() -> Iterator[dict[str, str]]:
    """The environment in which `s3://lmc/…` is a bucket of an S3 server that lives as long as the tests."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address, end = f"http://127.0.0.1:{port}", time.monotonic() + 60
    while True:
        try:
            bucket = urllib.request.Request(f"{address}/lmc", method="PUT")
            urllib.request.urlopen(bucket, timeout=5).close()
            break
        except OSError:
            assert time.monotonic() < end, "the S3 server did not start within a minute"
            time.sleep(0.1)
    yield {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "lmc",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    server.kill()
    server.wait()
