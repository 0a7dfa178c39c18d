"""Streamlit's scripts and style sheets, compressed once: over a network most of the first visit is waiting for them."""

from __future__ import annotations

import gzip
from pathlib import Path

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

FOLDER = (Path(st.__file__).parent / "static" / "static").resolve()
PREFIX = "/static/"
TYPES = {".js": "text/javascript", ".css": "text/css"}
KEPT = "public, immutable, max-age=31536000"  # their names change with their content
HEADERS = {"content-encoding": "gzip", "vary": "accept-encoding", "accept-ranges": "none", "cache-control": KEPT}
LEVEL = 6


class Compressed:
    """Answers for the files that compress well; leaves the rest, parts of files and repeated questions to Streamlit.

    They are kept in memory, about 5 MB once all were asked for: read from a file in parts, each part would wait for the
    scripts of pages that are being drawn at the same time.
    """

    def __init__(self, app: ASGIApp):
        self._app = app
        self._packed: dict[Path, bytes] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        file = asked(scope)
        if file is None:
            await self._app(scope, receive, send)
            return
        if file not in self._packed:
            self._packed[file] = await run_in_threadpool(packed, file)
        answer = Response(self._packed[file], headers=HEADERS, media_type=TYPES[file.suffix])
        await answer(scope, receive, send)


def asked(scope: Scope) -> Path | None:
    """The file that a request is for, if it is one of those and the browser takes it compressed."""
    if scope["type"] != "http" or scope["method"] != "GET" or PREFIX not in scope["path"]:
        return None
    headers = Headers(scope=scope)
    encodings = [each.partition(";")[0].strip() for each in headers.get("accept-encoding", "").split(",")]
    if "gzip" not in encodings or {"range", "if-none-match"} & set(headers):
        return None
    file = (FOLDER / scope["path"].partition(PREFIX)[2]).resolve()
    ours = file.is_relative_to(FOLDER) and file.suffix in TYPES and file.is_file()
    return file if ours else None


def packed(file: Path) -> bytes:
    """What is sent of a file."""
    return gzip.compress(file.read_bytes(), LEVEL, mtime=0)
