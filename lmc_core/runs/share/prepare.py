"""The default analyses, computed before anybody asks for them: one at a time, and only while nobody else waits."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from lmc_core.errors import LMCError
from lmc_core.runs import engine
from lmc_core.runs.keep import Archive
from lmc_core.runs.keep.tables import WANTED
from lmc_core.runs.kinds.request import Request

log = logging.getLogger("lmc_core.runs.share.prepare")

LOOK = 0.5  # seconds between two looks at the queue


class Preparation(threading.Thread):
    """Queues one request after the other whenever the queue is empty, until all are stored.

    What a visitor asks for goes first: it puts off the analysis that runs, unless a visitor waits for that too. What
    failed, or was stopped by a visitor, is left alone until the server starts again.

    submit, cancel   how a run is asked for and stopped
    """

    def __init__(
        self,
        archive: Archive,
        requests: Sequence[Request],
        submit: Callable[[Request], str],
        cancel: Callable[[str], bool],
    ):
        super().__init__(name="lmc-prepare", daemon=True)
        self._archive, self._requests, self._submit, self._cancel = archive, requests, submit, cancel

    def run(self) -> None:
        try:
            for request in self._requests:
                self._prepare(request)
        except Exception:  # no page depends on it: it asks for its own default
            log.exception("the default analyses could not be prepared")

    def _prepare(self, request: Request) -> None:
        """Return once the run has ended; all its ends before now, and those that were put off, do not count."""
        again = True
        while engine.running(self._archive) is not None:
            now = self._archive.index.status(request.id)
            if now is not None and now.state == "done" and self._archive.store.has(request.id):
                return
            if now is None or (now.finished and again):
                again = not self._asked(request)
            elif now.finished:
                return
            elif self._archive.index.waiting() > 1 and not self._wanted(request):
                again = self._cancel(request.id) or again
            time.sleep(LOOK)

    def _asked(self, request: Request) -> bool:
        """Queue it, if nothing waits or runs."""
        if self._archive.index.waiting():
            return False
        try:
            self._submit(request)
        except LMCError:
            return False
        return True

    def _wanted(self, request: Request) -> bool:
        """True if a visitor waits for it."""
        return bool(self._archive.index.count(WANTED, WANTED.c.run == request.id))
