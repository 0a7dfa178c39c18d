"""The real server in a process of its own."""

import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE = 60_000  # ms for a page with a stored result; the machine may be busy


class Server:
    """`streamlit run app.py` on a free port of the loopback interface, with a home of its own."""

    def __init__(self, home: Path, script: str = "app.py", **environment: str):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url, self.log, self._index = f"http://127.0.0.1:{port}", home / "server.log", home / "runs.db"
        command = [sys.executable, "-m", "streamlit", "run", script, f"--server.port={port}"]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LMC_", "STREAMLIT_"))}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--server.address=127.0.0.1", "--server.headless=true"],
                cwd=ROOT,  # where .streamlit/config.toml is
                env={
                    **kept,
                    "PYTHONPATH": str(ROOT),
                    "LMC_HOME": str(home),
                    "LMC_WORKER_THREADS": "1",
                    "LMC_PREPARE": "off",
                    **environment,
                },
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + 60
        while not self.healthy():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, "the server did not start within a minute"
            time.sleep(0.1)

    def healthy(self) -> bool:
        try:
            return b"ok" in self.get("/_stcore/health")
        except OSError:
            return False

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return bytes(answer.read())

    def asked(self) -> list[tuple[str, str, float]]:
        """Every run that was ever asked for: its id, its state, and when it was last queued."""
        with closing(sqlite3.connect(self._index)) as index:
            return index.execute("SELECT id, state, queued FROM runs ORDER BY id").fetchall()

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
