"""Many visitors at once: 50 look at a stored run while 5 submit jobs. Starts a server of its own, on loopback only.

`python -m benchmarks load`, or with other numbers `python -m benchmarks.load --viewers 20 --jobs 2 --seconds 60`
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

from benchmarks.row import Goal, Key, Row, Value
from benchmarks.timing import table

ROOT = Path(__file__).resolve().parents[1]
HOST = "127.0.0.1"
MOST = {"viewers": 200, "jobs": 20, "seconds": 600}
PATIENCE = 120  # seconds for one page of one visitor
AGAIN = ForwardMsg.FINISHED_EARLY_FOR_RERUN  # the page is drawn once more, by itself

ROWS: dict[Key, Row] = {
    "finding": Row("From the start of a server to the first finding", "s on the clock", "12–30", Goal("≤", 3)),
    "viewers": Row(
        "50 viewers at once, 5 submitters: first view, 95 %", "s on the clock", "8.1 (median)", Goal("≤", 3)
    ),
}


class Server:
    """`streamlit run app.py`, or another script, in a home of its own."""

    def __init__(self, home: Path, script: Path = ROOT / "app.py"):
        with socket.socket() as free:
            free.bind((HOST, 0))
            self.port = free.getsockname()[1]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LMC_", "STREAMLIT_"))}
        command = [sys.executable, "-m", "streamlit", "run", str(script), f"--server.port={self.port}"]
        with (home / f"{script.stem}.log").open("wb") as log:
            self.process = subprocess.Popen(
                [*command, f"--server.address={HOST}", "--server.headless=true"],
                cwd=ROOT,
                env={**kept, "LMC_HOME": str(home), "LMC_WORKER_THREADS": "1", "LMC_PREPARE": "off"},
                stdout=log,
                stderr=log,
            )

    def json(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://{HOST}:{self.port}{path}", timeout=20) as answer:
            return json.loads(answer.read())

    def wait(self, ready: Callable[[], bool], seconds: float, what: str) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if ready():
                    return
            except OSError:
                pass
            time.sleep(0.2)
        raise TimeoutError(f"{what} took longer than {seconds:.0f} s")

    def memory(self) -> float:
        """Resident megabytes of the web process."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Visitor:
    """One browser's session, without the browser."""

    def __init__(self, server: Server):
        address = f"ws://{HOST}:{server.port}/_stcore/stream"
        how: dict[str, Any] = {"subprotocols": ["streamlit"], "max_size": None, "open_timeout": PATIENCE}
        self._open = ExitStack()
        self.stream: ClientConnection = self._open.enter_context(connect(address, ping_interval=None, **how))
        self.bytes = 0

    def heading(self) -> str:
        """The first heading of the first page."""
        message = BackMsg()
        message.rerun_script.query_string = ""
        self.stream.send(message.SerializeToString())
        while True:
            answer = ForwardMsg()
            answer.ParseFromString(self.stream.recv(timeout=PATIENCE))
            if (said := str(answer.delta.new_element.markdown.body)).startswith("## "):
                return said

    def open(self, page: str, press: str | None = None, **query: str) -> dict[str, str]:
        """A page, drawn to its end; `press` is the id of a button. Returns label → id of the buttons on it."""
        message = BackMsg()
        message.rerun_script.page_name, message.rerun_script.query_string = page, urlencode(query)
        if press is not None:
            state = message.rerun_script.widget_states.widgets.add()
            state.id, state.trigger_value = press, True
        self.stream.send(message.SerializeToString())
        buttons: dict[str, str] = {}
        while True:
            content = self.stream.recv(timeout=PATIENCE)
            self.bytes += len(content)
            answer = ForwardMsg()
            answer.ParseFromString(content)
            element = answer.delta.new_element
            if element.WhichOneof("type") == "exception":
                raise RuntimeError(f"the page says {element.exception.type}: {element.exception.message}")
            if element.WhichOneof("type") == "button":
                buttons[element.button.label] = element.button.id
            if answer.WhichOneof("type") == "script_finished" and answer.script_finished != AGAIN:
                return buttons

    def close(self) -> None:
        self._open.close()


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def at_once(count: int, work: Callable[[int], None]) -> list[BaseException]:
    """`work(0) … work(count − 1)` in threads of their own; what went wrong."""
    wrong: list[BaseException] = []

    def guarded(k: int) -> None:
        try:
            work(k)
        except Exception as error:  # noqa: BLE001 - one visitor's failure is a number of this benchmark
            wrong.append(error)

    threads = [threading.Thread(target=guarded, args=(k,), daemon=True) for k in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE + 30)
    return wrong


def spread(seconds: list[float]) -> tuple[str, str, str]:
    """Median, nine tenths and largest."""
    if not seconds:
        return ("none", "", "")
    ordered = sorted(seconds)
    late = ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))]
    return f"{statistics.median(ordered):.2f}", f"{late:.2f}", f"{ordered[-1]:.2f}"


def measure(server: Server, viewers: int, jobs: int, seconds: float) -> tuple[str, list[float]]:
    """The whole visit, as tables, and the seconds of the first view of everybody who got one."""
    from lmc_core import runs
    from lmc_core.runs import keep

    default = runs.default_request()
    assert default is not None, "no network is shipped"
    server.wait(lambda: server.json(f"/api/runs/{default.id}")["state"] == "done", 180, "the default run")
    memory = [("web process, MB", f"{server.memory():.0f}")]
    rows: list[tuple[object, ...]] = [("page, s", "median", "90 %", "largest", "failed")]

    def look(visitor: Visitor) -> None:
        visitor.open("run", id=default.id)

    alone = Visitor(server)
    rows.append(("one viewer, first", *spread([timed(lambda: look(alone))]), 0))
    rows.append(("one viewer, again", *spread([timed(lambda: look(alone)) for _ in range(3)]), 0))
    memory.append(("with one session", f"{server.memory():.0f}"))
    sessions: list[Visitor] = [alone]
    first: list[float] = []
    again: list[float] = []
    submitted: list[float] = []
    health: list[float] = []

    def view(_: int) -> None:
        visitor = Visitor(server)
        sessions.append(visitor)
        first.append(timed(lambda: look(visitor)))
        again.append(timed(lambda: look(visitor)))

    def ask(k: int) -> None:
        visitor = Visitor(server)
        sessions.append(visitor)
        query = {"seed": str(100 + k), "points": "5", "method": "weight-matching", "train_examples": "500"}
        go = visitor.open("", **query)["Align and compare"]
        submitted.append(timed(lambda: visitor.open("", press=go, **query)))

    stop = threading.Event()

    def probe() -> None:
        while not stop.wait(0.25):
            health.append(timed(lambda: server.json("/api/healthz")))

    prober = threading.Thread(target=probe, daemon=True)
    prober.start()
    wrong = at_once(viewers + jobs, lambda k: ask(k) if k < jobs else view(k))
    rows.append((f"{viewers} viewers at once, first", *spread(first), viewers - len(first)))
    rows.append((f"{viewers} viewers at once, again", *spread(again), viewers - len(again)))
    rows.append((f"{jobs} submit meanwhile", *spread(submitted), jobs - len(submitted)))
    memory.append((f"with {len(sessions)} sessions", f"{server.memory():.0f}"))
    start = time.perf_counter()
    server.wait(lambda: keep.opened().index.waiting() == 0, seconds, "the submitted jobs")
    memory.append((f"after {jobs} jobs", f"{server.memory():.0f}"))
    stop.set()
    prober.join(30)
    rows.append(("health check meanwhile", *spread(health), 0))
    for session in sessions:
        session.close()
    sent = statistics.mean(session.bytes for session in sessions) / 2**20
    facts = [("", ""), *memory, ("sent per session, MB", f"{sent:.2f}"),
             ("jobs done after, s", f"{time.perf_counter() - start:.1f}")]  # fmt: skip
    failures = "".join(f"\n{type(error).__name__}: {str(error)[:120]}" for error in wrong[:5])
    return f"{table(rows)}\n{table([tuple(row) for row in facts])}{failures}", first


def measured(keys: Sequence[Key]) -> dict[Key, Value]:
    found: dict[Key, Value] = {}
    if "finding" in keys:
        with tempfile.TemporaryDirectory() as home:
            found["finding"] = Value(*_first_finding(Path(home)))
    if "viewers" in keys:
        _, first = _visited(50, 5, 180)
        late = sorted(first)[min(len(first) - 1, int(0.95 * len(first)))]
        found["viewers"] = Value(late, f"median {statistics.median(first):.1f}, {50 - len(first)} failed")
    return found


def _first_finding(home: Path) -> tuple[float, str]:
    """Seconds from the start of a server with an empty home until the first page says a finding, and the finding."""
    start = time.perf_counter()
    server = Server(home)
    try:
        while True:
            try:
                visitor = Visitor(server)
                break
            except OSError:
                time.sleep(0.05)
        said = visitor.heading()
        took = time.perf_counter() - start
        visitor.close()
        return took, said.removeprefix("## ")
    finally:
        server.stop()


def _visited(viewers: int, jobs: int, seconds: float) -> tuple[str, list[float]]:
    """`measure` on a server of its own."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["LMC_HOME"] = home
        os.environ.pop("LMC_DATA", None)  # the server has none either, so both mean the same default run
        server = Server(Path(home))
        try:
            server.wait(lambda: bool(server.json("/api/healthz")), 60, "the start of the server")
            return measure(server, viewers, jobs, seconds)
        finally:
            server.stop()


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load")
    for name, usual in (("viewers", 50), ("jobs", 5), ("seconds", 180)):
        parser.add_argument(f"--{name}", type=int, default=usual, help=f"at most {MOST[name]}")
    asked = parser.parse_args(words or [])
    for name, most in MOST.items():
        if not 1 <= getattr(asked, name) <= most:
            parser.error(f"--{name} is a number from 1 to {most}")
    print(_visited(asked.viewers, asked.jobs, asked.seconds)[0])


if __name__ == "__main__":
    main(sys.argv[1:])
