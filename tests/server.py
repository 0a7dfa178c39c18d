"""The real server in a process of its own, asked over HTTP and over its websocket."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

ROOT = Path(__file__).parents[1]


class Server:
    """`streamlit run app.py` in a process of its own, with a stored run and an empty queue."""

    def __init__(self, home: Path, **environment: str):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py")]
        options = [f"--server.port={self.port}", "--server.address=127.0.0.1", "--server.headless=true"]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LMC_", "STREAMLIT_"))}
        self.log = home / "server.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *options],
                cwd=home,  # not the checkout: nothing may depend on where the server is started
                env={**kept, "LMC_HOME": str(home), "LMC_WORKER_THREADS": "1", "LMC_PREPARE": "off", **environment},
                stdout=log,
                stderr=log,
            )
        self.wait()

    def wait(self) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log.read_text()
            try:
                self.get("/api/healthz")
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError(self.log.read_text())

    def get(self, path: str) -> tuple[int, str, dict[str, str]]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as answer:
                return answer.status, answer.read().decode(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), dict(error.headers)

    def json(self, path: str) -> Any:
        return json.loads(self.get(path)[1])

    def frames(self, page: str, query: str) -> Iterator[bytes]:
        """Every message that a fresh session is sent for one page."""
        with connect(f"ws://127.0.0.1:{self.port}/_stcore/stream", subprotocols=["streamlit"], max_size=None) as stream:  # type: ignore[list-item]
            message = BackMsg()
            message.rerun_script.page_name, message.rerun_script.query_string = page, query
            stream.send(message.SerializeToString())
            answer = ForwardMsg()
            while answer.WhichOneof("type") != "script_finished":
                yield (frame := stream.recv(timeout=30))  # type: ignore[misc]
                answer.ParseFromString(frame)  # type: ignore[arg-type]

    def visit(self, page: str, query: str) -> str:
        """The same as text."""
        return "\n".join(str(ForwardMsg.FromString(frame)) for frame in self.frames(page, query))

    def loaded(self, library: str) -> bool:
        """Whether the server's process has mapped a shared library."""
        return library in Path(f"/proc/{self.process.pid}/maps").read_text()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20)
