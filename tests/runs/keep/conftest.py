"""A real Postgres for the tests of the index."""

import getpass
import shutil
import subprocess
import tempfile
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
