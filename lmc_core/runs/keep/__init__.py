"""What a host keeps: results and models in a store, runs in an index. Both are opened once per process and settings."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property, lru_cache, partial

from lmc_core.errors import DamagedError, InputError, LMCError, RunError, SettingError
from lmc_core.runs.keep import entries, pictures, retention
from lmc_core.runs.keep.index import Index
from lmc_core.runs.keep.store import Store
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.settings import Settings, settings
from lmc_core.runs.values.names import is_run_id
from lmc_core.runs.values.record import Result
from lmc_core.runs.values.status import RunStatus

log = logging.getLogger("lmc_core.runs.keep")

REMEMBERED = 16
"""Results that a process keeps in memory."""
AWAY = "The store cannot be read at the moment ({}). Try again soon."
SHIPPED = "results"
"""Beside the shipped networks: a store of runs and nothing else; `python -m lmc_core ship` fills it."""


class Archive:
    """Store and index of one host, and what both know of a run.

    Raises SettingError that names the variable if one of them cannot be opened.
    """

    def __init__(self, host: Settings):
        self.host = host
        with self._named("store"):
            self.store = Store(host.store)
        with self._named("database"):
            self.index = Index(host.database)
            empty = self.index.empty
        if empty:
            with self._named("store"):
                self.rebuild()
        self._load = lru_cache(maxsize=REMEMBERED)(self.store.load)
        self._openings: set[str] = set()

    @cached_property
    def shipped(self) -> frozenset[str]:
        """The runs whose results this checkout brings along."""
        folder = self.host.checkpoints / SHIPPED / "runs"
        return frozenset(path.name for path in folder.iterdir()) if folder.is_dir() else frozenset()

    def probe(self) -> None:
        """Raises SettingError that names the variable if nothing can be written to the store or the index."""
        with self._named("store"):
            self.store.probe()
        with self._named("database"):
            self.index.probe()

    @contextmanager
    def _named(self, part: str) -> Iterator[None]:
        """Says of whatever goes wrong with the store or the database which variable leads there."""
        try:
            yield
        except LMCError:
            raise
        except Exception as error:  # whatever drivers, disks and remote stores raise
            variable, own = {"store": ("LMC_STORE", "store"), "database": ("LMC_DATABASE_URL", "runs.db")}[part]
            at_home = getattr(self.host, part).endswith(str(self.host.home / own))
            where = f"LMC_HOME={self.host.home}" if at_home else variable
            why = str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__]
            raise SettingError(f"{where}: the {part} cannot be opened or written ({why[0][:200]})") from error

    def rebuild(self) -> entries.Rebuilt:
        """Bring what the store keeps and the index does not know back into the index."""
        found = entries.rebuild(self.store, self.index)
        if found.restored or found.ownerless:
            log.warning("the index was made again from the store: %s", found)
        return found

    def mend(self) -> bool:
        """Open the index anew if its file was deleted, replaced or damaged, and fill it from the store. True if so."""
        if self.index.sound:
            return False
        self.index.renew()
        self.rebuild()
        return True

    def note(self, run: str) -> None:
        """Keep what the index knows of a finished run beside its result, so that the index can be made again."""
        try:
            if not entries.keep(self.store, self.index, run) and self.index.status(run) is None and self.store.has(run):
                entries.restore(self.store, self.index, run)  # the index was lost while it was computed
        except Exception:  # whatever a store or a database raises; the next start tries again
            log.exception("what is known of a run could not be kept beside it")

    def status(self, run: str) -> RunStatus:
        """How a run is doing. Raises InputError if there is no such run."""
        found = self.index.status(run) if is_run_id(run) else None
        if found is None:
            raise InputError(f"there is no run {str(run)[:40]!r} on this server")
        return found

    def request(self, run: str) -> Request:
        """What a run was asked to compute. Raises InputError if there is no such run."""
        found = self.index.request(run) if is_run_id(run) else None
        if found is None:
            raise InputError(f"there is no run {str(run)[:40]!r} on this server")
        return found

    def result(self, run: str) -> Result:
        """What a run found. Raises RunError if it is not done, with the reason if it failed, or if the store cannot be
        read at the moment.

        DamagedError if it is no longer what was stored: from then on the run has failed, and can be asked for again.
        """
        now = self.status(run)
        if now.state != "done":
            raise RunError(now.reason or f"run {run} is {now.state}")
        try:
            found = self._load(run)
        except DamagedError as error:
            self.index.spoil(run, str(error))
            raise
        except OSError as error:
            raise RunError(AWAY.format(error.strerror or str(error)[:160] or type(error).__name__)) from error
        self._openings.add(run)
        return found

    def note_openings(self) -> None:
        """Write down which results were opened here since the last time: looking at one writes nothing."""
        opened, self._openings = self._openings, set()
        self.index.opened(sorted(opened))

    def tidy(self) -> list[str]:
        """Remove results that are too old or too many; which runs they were of."""
        return retention.tidy(self)

    def publish(self, run: str, owner: str, listed: bool, tags: Sequence[str]) -> bool:
        """List a finished run for everybody, with tags, or no longer. True if it belongs to `owner`.

        Raises RunError if more would be published than an owner, or all of them, may keep.
        """
        check = partial(retention.check_published, self, run=run, owner=owner)
        changed = self.index.publish(run, owner, listed, tags, check)
        self.note(run)
        return changed

    def delete(self, run: str, owner: str) -> bool:
        """Forget a run that has ended, with all that is kept of it. True if it belongs to `owner`."""
        return retention.delete(self, run, owner)

    def artifact(self, run: str, name: str) -> bytes:
        """A file kept with a run: "aligned.safetensors".

        Raises InputError if there is none, RunError if it was removed with the result.
        """
        now = self.status(run)
        if now.removed is not None:
            raise RunError(now.reason)
        content = self.store.artifact(run, name)
        self._openings.add(run)
        return content

    def picture(self, run: str, name: str) -> bytes:
        """A picture of a finished run. Raises LMCError if there is none."""
        if name in pictures.PICTURES and self.store.exists("runs", run, name):
            self.status(run)
            with suppress(DamagedError):  # to see its picture is not to open it
                if pictures.whole(name, kept := self.store.artifact(run, name)):
                    return kept
        return pictures.draw(self.result(run), name)


_opened: dict[Settings, Archive] = {}
_lock = threading.Lock()


def opened(host: Settings | None = None) -> Archive:
    """The Archive of this process for some settings; by default those that its environment asks for now."""
    host = host or settings()
    with _lock:
        if host not in _opened:
            _opened[host] = Archive(host)
        return _opened[host]
