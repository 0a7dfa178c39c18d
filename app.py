"""The server: the pages, a few HTTP routes beside them, and the engine that computes. Start: `streamlit run app.py`."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import streamlit as st
from starlette.middleware import Middleware

from lmc_core import runs
from lmc_core.errors import LMCError
from lmc_core.runs.share.cookie import Naming
from lmc_core.runs.share.headers import Guarded
from lmc_core.runs.share.routes import ROUTES
from pages._frame import document as _document
from pages._frame.static import Compressed
from pages._jobs.door import Door

M_ARENA_MAX, M_MMAP_THRESHOLD = -8, -3
TIDY = 60.0  # seconds between two times that free memory is given back
LARGE = 16 * 1024  # bytes from which memory goes back to the system as it is freed; else runs and pages leave gaps
ARENAS = 1  # heaps: every thread of a visitor would hold on to what it freed


def allot() -> None:
    """Say how memory is shared out. The sooner the better: heaps of threads that have begun remain."""
    with suppress(OSError, AttributeError):  # only glibc has it
        for what, value in ((M_ARENA_MAX, ARENAS), (M_MMAP_THRESHOLD, LARGE)):
            ctypes.CDLL(None).mallopt(what, value)


allot()


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Start the engine and ask for the default analyses; stop the engine when the server stops."""
    try:
        runs.start()
    except LMCError as error:
        _refuse(error)
    try:
        runs.prepare()
    except LMCError:
        logging.getLogger("lmc_core.app").exception("the default run could not be queued")
    settle()
    tidying = asyncio.create_task(tidy())
    yield
    tidying.cancel()
    runs.stop()


def _refuse(reason: LMCError) -> NoReturn:
    """End the server before it began, with one sentence: an exception here would end in pages of traceback."""
    sys.stderr.write(f"app.py: {' '.join(str(reason).split())}\n")
    sys.stderr.flush()
    os._exit(2)


def settle() -> None:
    """Load what the first visitor would wait for, and keep it out of garbage collection.

    Walking over the objects of the libraries takes four fifths of a full collection, which holds up everybody.
    """
    for needed in ("pandas", "pages._show.analysis", "pages._show.run_card"):
        import_module(needed)
    gc.collect()
    gc.freeze()


async def tidy() -> None:
    """Once a minute, give back to the system what nobody holds any more: visitors who left, and the gaps they left."""
    while True:
        await asyncio.sleep(TIDY)
        await asyncio.to_thread(release)


def release() -> None:
    """Collect, and return free memory."""
    gc.collect()
    with suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)


app = st.App(
    Path(__file__).parent / "pages" / "_shell.py",
    routes=[*ROUTES, *_document.ROUTES],
    lifespan=lifespan,
    middleware=[Middleware(Guarded), Middleware(Door), Middleware(Compressed), Middleware(Naming)],
)
