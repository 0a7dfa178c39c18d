"""What the Dockerfile says, carried out without Docker: its files alone, its entry point, its health check."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lmc_core import runs

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
RULES = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
SECONDS = 90.0


def command(before: str, port: int) -> list[str]:
    """The command after `before` in the Dockerfile, with this Python, another port, and for this machine only."""
    found = re.search(rf"^{before} (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert found is not None
    program, *options = json.loads(found[1].replace("8501", str(port)).replace("0.0.0.0", "127.0.0.1"))
    return [str(Path(sys.executable).with_name(program)), *options]


class Image:
    """The files that .dockerignore lets through, and the server that the entry point starts among them."""

    def __init__(self, folder: Path):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.app = folder / "app"
        ignored = shutil.ignore_patterns(*(rule.removeprefix("**/") for rule in RULES[1:] if not rule.startswith("!")))
        for name in (rule[1:] for rule in RULES if rule.startswith("!")):
            (self.app / name).parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, self.app / name, ignore=ignored)
            else:
                shutil.copy(ROOT / name, self.app / name)
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("LMC_", "STREAMLIT_", "PYTHONPATH")) and not name.lower().endswith("_proxy")
        } | {"LMC_HOME": str(folder / "data"), "LMC_WORKER_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        self.log = folder / "server.log"
        self.before = self.healthy()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command("ENTRYPOINT", self.port), cwd=self.app, env=self.environment, stdout=log, stderr=log
            )

    def healthy(self, **environment: str) -> bool:
        check = command("HEALTHCHECK .* CMD", self.port)
        return subprocess.run(check, env={**self.environment, **environment}, capture_output=True).returncode == 0

    def wait(self, happened: Callable[[], bool]) -> None:
        end = time.monotonic() + SECONDS
        while not happened():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.2)

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as answer:
            return answer.read().decode()


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    image = Image(tmp_path_factory.mktemp("image"))
    image.wait(image.healthy)
    yield image
    image.process.kill()
    image.process.wait()


def test_only_what_is_named_enters_the_image() -> None:
    assert RULES[0] == "*"
    assert [rule for rule in RULES if rule.startswith("!.")] == ["!.streamlit/config.toml"]


def test_the_health_check_fails_without_a_server_and_passes_with_one(image: Image) -> None:
    assert not image.before
    assert image.healthy()


def test_the_health_check_does_not_go_through_a_proxy(image: Image) -> None:
    assert image.healthy(http_proxy="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9")


def test_the_files_of_the_image_suffice_to_compute_what_the_first_page_shows(image: Image, home: Path) -> None:
    shown = runs.default_request()
    assert shown is not None
    assert "<html" in image.get("/")
    assert json.loads(image.get(f"/api/runs/{shown.id}"))["state"] == "done"
    again = [sys.executable, "-m", "lmc_core", "path", shown.options["a"], shown.options["b"]]
    found = subprocess.run(
        [*again, "--points", "3", "--json"], cwd=image.app, env=image.environment, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["verification_error"] <= 1e-5


def test_the_server_ends_by_itself_when_the_container_is_stopped(image: Image) -> None:
    image.process.send_signal(signal.SIGTERM)
    assert image.process.wait(timeout=10) in (0, -signal.SIGTERM)
    assert not image.healthy()
