"""What every answer says, and one address that answers nobody. A browser tells no other server our addresses."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = {
    "default-src": "'self' data: blob:",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval' blob:",  # what Streamlit's frontend and plotly make as they run
    "style-src": "'self' 'unsafe-inline'",
    "connect-src": "'self' ws: wss: data: blob:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
}
"""Where a page may load things from: this server alone. It may be shown in frames of others: `?embed=true`."""

HEADERS = {
    "content-security-policy": "; ".join(f"{what} {where}" for what, where in POLICY.items()),
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


CLOSED = "/_stcore/metrics"
"""Where Streamlit counts what its visitors hold in memory."""


class Guarded:
    """Sends the headers with whatever the server answers, and answers 404 where it is closed."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        closed = scope["type"] == "http" and scope["path"].endswith(CLOSED)
        await (PlainTextResponse("Not Found", 404) if closed else self._app)(scope, receive, guarded)
