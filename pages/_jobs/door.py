"""What stands before Streamlit's own upload route, which takes a file into memory before a page sees it.

A page that draws a place for files admits its session; the route takes files of admitted sessions alone, of a size that
is said first, and holds no more bytes at once than the host can bear.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from lmc_core.runs.library.limits import megabytes, upload_limit

OVERHEAD = 2**20
"""Bytes that the form around a file may have."""
OF_A_SESSION, OF_ALL = 2, 4
"""How many files of the largest size may be in memory at once."""

UNSAID = HTTPStatus.LENGTH_REQUIRED, "The size of the file must be said first, in Content-Length"

_ROUTE = re.compile(r".*/_stcore/upload_file/([^/]+)/([^/]+)", re.DOTALL)
_admitted: dict[str, None] = {}


def admit() -> None:
    """Let the session whose page is being drawn send files: it has been shown a place for them."""
    context = get_script_run_ctx()
    if context is None:
        return
    if runtime.exists():
        for gone in [each for each in list(_admitted) if not runtime.get_instance().is_active_session(each)]:
            _admitted.pop(gone, None)
    _admitted[context.session_id] = None


def admitted(session: str) -> bool:
    """True if a page of this session has a place for files."""
    return session in _admitted


def in_memory(sent: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """Those of the files sent, (session, file) → bytes, that Streamlit has not let go of."""
    if not runtime.exists():
        return {}
    held = runtime.get_instance().uploaded_file_mgr.get_files
    return {(session, file): size for (session, file), size in sent.items() if held(session, [file])}


class Door:
    """Refuses a file before a byte of it is read: 403, 411, 413 or 503, with a sentence.

    may    session → whether it may send files
    held   (session, file) → bytes of the files sent, to those that are still in memory
    limit  bytes that one file may have
    """

    def __init__(
        self,
        app: ASGIApp,
        may: Callable[[str], bool] = admitted,
        held: Callable[[Mapping[tuple[str, str], int]], dict[tuple[str, str], int]] = in_memory,
        limit: Callable[[], int] = upload_limit,
    ):
        self._app, self._may, self._held, self._limit = app, may, held, limit
        self._coming: Counter[tuple[str, str]] = Counter()
        self._sent: dict[tuple[str, str], int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        file = _file(scope)
        if file is None:
            await self._app(scope, receive, send)
            return
        size = _size(Headers(scope=scope).get("content-length", ""))
        refused = self._refusal(file, size)
        if refused is not None or size is None:
            status, why = refused or UNSAID
            await PlainTextResponse(why, status, {"connection": "close"})(scope, receive, send)
            return
        await self._let_in(file, size, scope, receive, send)

    async def _let_in(self, file: tuple[str, str], size: int, scope: Scope, receive: Receive, send: Send) -> None:
        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < HTTPStatus.BAD_REQUEST:
                self._sent[file] = size
            await send(message)

        self._coming[file] += size
        try:
            await self._app(scope, receive, noted)
        finally:
            self._coming[file] -= size
            self._coming += Counter()  # without those that have come

    def _refusal(self, file: tuple[str, str], size: int | None) -> tuple[HTTPStatus, str] | None:
        if not self._may(file[0]):
            return (
                HTTPStatus.FORBIDDEN,
                "No page of this session has a place for files; open one, and log in if it asks",
            )
        if size is None:
            return UNSAID
        limit = self._limit()
        if size > limit + OVERHEAD:
            return (
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"The file is larger than {megabytes(limit)}, the limit of this server",
            )
        self._sent = self._held(self._sent)
        every = Counter(self._sent) + self._coming
        if size + sum(b for (session, _), b in every.items() if session == file[0]) > OF_A_SESSION * limit + OVERHEAD:
            return (
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "Too many files at once; send the rest when these have been read",
            )
        if size + sum(every.values()) > OF_ALL * limit + OVERHEAD:
            return HTTPStatus.SERVICE_UNAVAILABLE, "Many are sending files now; try again in a minute"
        return None


def _file(scope: Scope) -> tuple[str, str] | None:
    """The session and the name that a request sends a file under; None if it sends none."""
    if scope["type"] != "http" or scope["method"] != "PUT":
        return None
    found = _ROUTE.fullmatch(scope["path"])
    return None if found is None else (found[1], found[2])


def _size(said: str) -> int | None:
    """Bytes that a request says it brings; None if that is no number of them."""
    return int(said) if re.fullmatch(r"[0-9]{1,20}", said) else None
