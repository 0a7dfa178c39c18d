"""A name for every browser, so that what a visitor uploads and starts stays theirs when the page is loaded again.

The name is a secret between browser and server: no script of a page can read it, and no other site can have it sent.
"""

from __future__ import annotations

import re
from http.cookies import CookieError, SimpleCookie
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "lmc_visitor"
AGE = 365 * 24 * 3600  # seconds that a browser keeps it

_NAME = re.compile(r"[0-9a-f]{32}")


def name(said: object) -> str | None:
    """The name in a cookie; None if it is not of our making, such as the name of somebody's account."""
    return said if isinstance(said, str) and _NAME.fullmatch(said) else None


class Naming:
    """Gives a name to every browser that opens a page without one."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or given(Headers(scope=scope)) is not None:
            await self._app(scope, receive, send)
            return
        forwarded = Headers(scope=scope).get("x-forwarded-proto", scope["scheme"])
        secure = "; Secure" if forwarded.split(",")[0].strip() == "https" else ""

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                page, shared = headers.get("content-type", ""), "public" in headers.get("cache-control", "")
                if page.startswith("text/html") and not shared:  # what a proxy keeps would name many alike
                    kept = f"Max-Age={AGE}; Path=/; HttpOnly; SameSite=Lax{secure}"
                    headers.append("set-cookie", f"{COOKIE}={uuid4().hex}; {kept}")
            await send(message)

        await self._app(scope, receive, named)


def given(headers: Headers) -> str | None:
    """The name that a browser sends; None without one of our making."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return None if found is None else name(found.value)
