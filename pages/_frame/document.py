"""The HTML that every page starts from, with the style sheet in it: what comes later would move what is there."""

from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from lmc_core.runs.share.routes import NAME, gone
from pages._frame import style
from pages._frame.navigation import TITLES

WITHOUT_SIDEBAR = ("library", "gallery")
INDEX = Path(st.__file__).parent / "static" / "index.html"


def document(request: Request) -> HTMLResponse:
    """Streamlit's own page under our title; 410 with it where the run it shows has lost its result."""
    embedded = request.query_params.get("embed", "").lower() == "true"
    sheet = style.sheet(embedded=embedded, beside=not request.url.path.endswith(WITHOUT_SIDEBAR))
    page = INDEX.read_text(encoding="utf-8").replace("<title>Streamlit<", f"<title>{NAME}<")
    # at the end: what Streamlit adds to the head would win over rules of the same weight
    code = 410 if request.url.path.endswith("/run") and gone(request.query_params.get("id", "")) else 200
    return HTMLResponse(page.replace("</body>", f"{sheet}</body>", 1), code, headers={"cache-control": "no-cache"})


ROUTES = [Route(f"/{page}", document) for page in ("", *list(TITLES)[1:])]
