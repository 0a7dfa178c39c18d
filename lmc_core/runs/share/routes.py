"""HTTP beside the pages: health, runs as JSON, and links that show a card where they are pasted.

These routes only read. Ids have a fixed form and are looked up in the index, never in the file system.
"""

from __future__ import annotations

import html
import json
from typing import Any

from sqlalchemy.exc import DBAPIError
from starlette.requests import Request as HTTPRequest
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from lmc_core.errors import DamagedError, InputError, LMCError
from lmc_core.runs import engine
from lmc_core.runs.keep import opened, pictures
from lmc_core.runs.kinds import KINDS
from lmc_core.runs.values.status import RunStatus

NAME = "Mode Connectivity Explorer"
PICTURED = ("bundle", *(name for name, kind in KINDS.items() if set(kind.results[:1]) & pictures.DRAWN.keys()))
SUMMARY_TAG = '<meta name="twitter:card" content="summary">'
PREVIEW_TAGS = """<meta property="og:image" content="{address}/card.png">
<meta property="og:image:width" content="1200">
<meta property="og:image:height" content="630">
<meta name="twitter:card" content="summary_large_image">"""


def healthz(_: HTTPRequest) -> Response:
    """200 and the state of the engine; 503 and what is wrong if nothing can be computed or kept."""
    health = engine.health(opened())
    return JSONResponse(health, 200 if health["status"] == "ok" else 503, headers={"cache-control": "no-store"})


def run_json(request: HTTPRequest) -> Response:
    """A run's status, its request, and once it is done its result, as `path --json` prints it."""
    try:
        status = opened().status(request.path_params["id"])
    except InputError as error:
        return JSONResponse({"error": str(error)}, 404)
    content: dict[str, Any] = {**status.json, "request": json.loads(opened().request(status.id).json)}
    if status.gone:
        content["error"] = status.reason
    if status.state == "done":
        try:
            content["result"] = opened().result(status.id).json
        except LMCError as error:
            lost = isinstance(error, (DamagedError, InputError))
            return JSONResponse({**content, "error": str(error)}, 410 if lost else 503)
    text = json.dumps(_finite(content), allow_nan=False)
    return Response(text, _code(status), media_type="application/json", headers={"cache-control": _caching(status)})


def share(request: HTTPRequest) -> Response:
    """A page with a preview card that sends people on to the run."""
    try:
        status = opened().status(request.path_params["id"])
    except InputError as error:
        page = _page(NAME, str(error), "../", str(request.url), listed=False)
        return HTMLResponse(page, 404)
    page = _page(
        status.title or NAME,
        _sentence(status),
        f"../run?id={status.id}",
        str(request.url),
        status.listed,
        picture=status.state == "done" and status.kind in PICTURED,
    )
    return HTMLResponse(page, _code(status), headers={"cache-control": _caching(status)})


def card(request: HTTPRequest) -> Response:
    """The picture of a run's preview, 1200 × 630."""
    try:
        status = opened().status(request.path_params["id"])
    except InputError as error:
        return JSONResponse({"error": str(error)}, 404)
    try:
        content = opened().picture(status.id, pictures.PREVIEW)
    except LMCError as error:
        return JSONResponse({"error": str(error)}, 410 if status.gone else 404)
    return Response(content, media_type="image/png", headers={"cache-control": _caching(status)})


def gone(run: str) -> bool:
    """True if a run had a result that is no longer there."""
    try:
        return opened().status(run).gone
    except (InputError, DBAPIError):  # the page itself says what is wrong
        return False


def _code(status: RunStatus) -> int:
    return 410 if status.gone else 200


def _sentence(status: RunStatus) -> str:
    if status.removed is not None:
        return status.reason
    if status.finding:
        return status.finding
    if status.reason:
        return status.reason
    return {"queued": "Waiting to be computed.", "running": "Being computed."}.get(status.state, NAME)


def _caching(status: RunStatus) -> str:
    return "public, max-age=300" if status.state == "done" and status.listed else "no-store"


def _page(title: str, text: str, target: str, address: str, listed: bool, picture: bool = False) -> str:
    title, text, target, address = (html.escape(part, quote=True) for part in (title, text, target, address))
    shown = PREVIEW_TAGS.format(address=address.partition("?")[0]) if picture else SUMMARY_TAG
    robots = "" if listed else '<meta name="robots" content="noindex">'
    return f"""<!doctype html>
<html lang="en" prefix="og: https://ogp.me/ns#">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · {NAME}</title>
<meta name="description" content="{text}">
<meta property="og:type" content="website">
<meta property="og:site_name" content="{NAME}">
<meta property="og:title" content="{title}">
<meta property="og:description" content="{text}">
<meta property="og:url" content="{address}">
{shown}
{robots}
<meta http-equiv="refresh" content="0; url={target}">
</head>
<body><p>{text}</p><p><a href="{target}">{title}</a></p></body>
</html>
"""


def _finite(value: Any) -> Any:
    """JSON has no infinity: numbers that are not finite become null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not abs(value) < float("inf") else value


def schema(_: HTTPRequest) -> Response:
    """What every kind of run can be asked for, as JSON Schema by the names of the kinds."""
    return JSONResponse({name: kind.schema for name, kind in KINDS.items()}, headers={"cache-control": "max-age=300"})


ROUTES = [
    Route("/api/schema", schema),
    Route("/api/healthz", healthz),
    Route("/api/runs/{id}", run_json),
    Route("/r/{id}", share),
    Route("/r/{id}/card.png", card),
]
