"""Streamlit's scripts and style sheets, compressed once: over a network most of the first visit is waiting for them."""

from __future__ import annotations

import atexit
import gzip
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import FileResponse
from starlette.types import ASGIApp, Receive, Scope, Send

FOLDER = (Path(st.__file__).parent / "static" / "static").resolve()
PREFIX = "/static/"
TYPES = {".js": "text/javascript", ".css": "text/css"}
KEPT = "public, immutable, max-age=31536000"  # their names change with their content
HEADERS = {"content-encoding": "gzip", "vary": "accept-encoding", "accept-ranges": "none", "cache-control": KEPT}
LEVEL = 6


class Compressed:
    """Answers for the files that compress well; leaves the rest, parts of files and repeated questions to Streamlit."""

    def __init__(self, app: ASGIApp):
        self._app = app
        folder = mkdtemp(prefix="explorer-static-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        self._packed = packer(Path(folder))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        file = asked(scope)
        if file is None:
            await self._app(scope, receive, send)
            return
        packed = await run_in_threadpool(self._packed, file)
        await FileResponse(packed, headers=HEADERS, media_type=TYPES[file.suffix])(scope, receive, send)


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


def packer(folder: Path) -> Callable[[Path], Path]:
    """What compresses a file into the folder, once."""

    @cache
    def packed(file: Path) -> Path:
        packed = folder / f"{file.name}.gz"
        with file.open("rb") as source, gzip.open(packed, "wb", LEVEL) as target:
            shutil.copyfileobj(source, target)
        return packed

    return packed
