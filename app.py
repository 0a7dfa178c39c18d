"""The server: the pages, a few HTTP routes beside them, and the engine that computes. Start: `streamlit run app.py`."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st

from lmc_core import runs
from lmc_core.errors import LMCError
from lmc_core.runs.routes import ROUTES


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Start the engine and ask for the default run; stop the engine when the server stops."""
    runs.start()
    try:
        request = runs.default_request()
        if request is not None:
            runs.submit(request)
    except LMCError:
        logging.getLogger("lmc_core.app").exception("the default run could not be queued")
    yield
    runs.stop()


app = st.App(Path(__file__).parent / "pages" / "_shell.py", routes=ROUTES, lifespan=lifespan)
