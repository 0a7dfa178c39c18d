"""Scripts and style sheets reach the browser compressed, and are compressed once."""

import asyncio
import gzip
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message

from pages._frame.static import FOLDER, Compressed, asked, packed

SCRIPT = next((FOLDER / "js").glob("index.*.js"))


def request(path: str, encoding: str = "gzip, br", **headers: str) -> dict[str, object]:
    sent = {"accept-encoding": encoding, **headers}
    lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in sent.items()]
    return {"type": "http", "method": "GET", "path": path, "headers": lines}


def test_what_is_sent_is_the_file_in_less_than_half_its_bytes() -> None:
    sent = packed(SCRIPT)
    assert gzip.decompress(sent) == SCRIPT.read_bytes()
    assert len(sent) < SCRIPT.stat().st_size / 2


def test_a_file_is_compressed_once_and_answered_from_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []

    def noted(file: Path) -> bytes:
        made.append(file)
        return packed(file)

    monkeypatch.setattr("pages._frame.static.packed", noted)
    server = Compressed(PlainTextResponse("not ours"))
    for _ in range(2):
        head, *parts = answers(server, request(f"/static/js/{SCRIPT.name}"))
        headers = dict(head["headers"])
        assert headers[b"content-encoding"] == b"gzip"
        assert headers[b"content-type"].startswith(b"text/javascript")
        assert [gzip.decompress(part["body"]) for part in parts] == [SCRIPT.read_bytes()]
    assert made == [SCRIPT]
    assert answers(server, request(f"/static/js/{SCRIPT.name}", "identity"))[1]["body"] == b"not ours"


def answers(app: ASGIApp, asked: dict[str, object]) -> list[Any]:
    """What a server sends for a request."""
    sent: list[Any] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    asyncio.run(app(asked, receive, send))  # type: ignore[arg-type]
    return sent


@pytest.mark.parametrize("prefix", ["", "/under/a/path"])
def test_a_script_is_found_wherever_the_server_is_mounted(prefix: str) -> None:
    assert asked(request(f"{prefix}/static/js/{SCRIPT.name}")) == SCRIPT


@pytest.mark.parametrize(
    "scope",
    [
        request(f"/static/js/{SCRIPT.name}", "identity"),
        request(f"/static/js/{SCRIPT.name}", "br"),
        request(f"/static/js/{SCRIPT.name}", range="bytes=0-99"),
        request(f"/static/js/{SCRIPT.name}", if_none_match='"known"'),
        request(f"/static/js/{SCRIPT.name}") | {"method": "HEAD"},
        request("/static/js/none.js"),
        request("/static/js"),
        request("/static/media/SourceSansVF-Upright.ttf.BsWL4Kly.woff2"),
        request("/api/healthz"),
        {"type": "websocket", "path": f"/static/js/{SCRIPT.name}", "headers": []},
    ],
)
def test_everything_else_is_left_to_streamlit(scope: dict[str, object]) -> None:
    assert asked(scope) is None


def test_no_path_leads_out_of_the_folder(tmp_path: Path) -> None:
    outside = tmp_path / "secret.js"
    outside.write_text("1")
    up = "../" * len(FOLDER.parts)
    for path in (f"/static/{up}{outside}", f"/static//{outside}", f"/static/js/../{up}{outside}"):
        assert asked(request(path)) is None
