"""How many pages the server draws at the same time."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Semaphore

PAGES = Semaphore(2)
"""Those that are drawn. Streamlit takes one lock for every message that it sends: of many threads, each waits for one
that has it and waits to go on, and fifty visitors get a quarter fewer pages, four times as late."""
PATIENCE = 3.0
"""Seconds after which a page is drawn anyway: those before it may wait for a store that does not answer."""


@contextmanager
def turn() -> Iterator[None]:
    """What is done within is done by few threads at a time."""
    mine = PAGES.acquire(timeout=PATIENCE)
    try:
        yield
    finally:
        if mine:
            PAGES.release()
