"""What the pages and commands may do with runs: store, index, library and engine of this host joined.

This is the only place where a request meets the library.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from lmc_core.errors import DamagedError, LMCError, RunError
from lmc_core.runs import engine, keep
from lmc_core.runs.kinds import KINDS
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library import models as library
from lmc_core.runs.library import uploads
from lmc_core.runs.library.entry import bind, entry
from lmc_core.runs.share.default import default_request, examples
from lmc_core.runs.share.prepare import Preparation
from lmc_core.runs.share.shipped import adopt
from lmc_core.runs.values.names import tidy_tags
from lmc_core.runs.values.record import Result
from lmc_core.runs.values.status import Order, RunStatus


def start() -> None:
    """Start the engine of this process: the server's lifespan calls it. Twice is once.

    Raises SettingError that names the variable whose setting keeps it from starting.
    """
    archive = keep.opened()
    archive.probe()
    engine.start(archive)


def stop() -> None:
    """Stop the engine; what was running is marked as interrupted, what waits resumes at the next start."""
    engine.stop(keep.opened())


def submit(request: Request, owner: str | None = None) -> str:
    """Queue a request and return its run id. A request that waits, runs or is done already is not queued again.

    owner   who asks: may cancel it, and counts against the limit per visitor; who asks first owns it for good

    Raises RunError if the queue is full.
    """
    archive = keep.opened()
    request = bind(request)
    run = request.id
    known = archive.index.status(run)
    if known is not None and known.state in ("queued", "running"):
        archive.index.want(run, owner)
        return run
    if archive.store.has(run):
        if known is not None and known.state == "done":
            return run
        with suppress(DamagedError):  # which is computed again
            stored = archive.store.load(run)
            archive.index.enqueue(request, owner=owner, state="done", finding=stored.finding, **_about(request, owner))
            archive.note(run)
            return run
    try:
        _check_room(archive, owner)
    except RunError:
        uploads.release(run, owner)
        raise
    if known is not None and known.state == "done":  # its result has been deleted from the store
        archive.index.requeue(run, owner)
    else:
        archive.index.enqueue(request, owner=owner, **_about(request, owner))
    engine.wake(archive)
    return run


def _about(request: Request, owner: str | None) -> dict[str, Any]:
    """What the index keeps of a request; what a visitor asks for is in the gallery only once they publish it."""
    about = entry(request)
    return {**about, "listed": about["listed"] and owner is None}


def _check_room(archive: keep.Archive, owner: str | None) -> None:
    host = archive.host
    if archive.index.waiting() >= host.queue:
        raise RunError(f"{host.queue} runs are waiting already; try again in a few minutes")
    if owner is not None and archive.index.waiting(owner) >= host.queue_per_owner:
        raise RunError(
            f"{host.queue_per_owner} of your runs are waiting already; cancel one, or wait until one is done"
        )


def find(request: Request) -> str:
    """The id of the run that this request asks for here, whether there is such a run yet or not. Raises InputError."""
    return bind(request).id


def status(run: str) -> RunStatus:
    """How a run is doing. Raises InputError if there is no such run."""
    return keep.opened().status(run)


def cancel(run: str, owner: str | None = None) -> bool:
    """Ask for a run to stop: at once if it waits, within a second if it runs. True if it will.

    owner   a visitor stops only what they asked for, and only if nobody else waits for it; None may stop anything
    """
    archive = keep.opened()
    stopping = archive.index.cancel(run, owner)
    uploads.ended(archive, run)
    engine.wake(archive)
    return stopping


def retry(run: str, owner: str | None = None) -> str:
    """Queue a run that failed, was cancelled or interrupted once more; returns its id, another one for a run from
    before its kind's results changed."""
    return submit(request(run).renewed, owner)


def request(run: str) -> Request:
    """What a run was asked to compute. Raises InputError if there is no such run."""
    return keep.opened().request(run)


def result(run: str) -> Result:
    """What a run found. Raises RunError if it is not done, with the reason if it failed."""
    return keep.opened().result(run)


def artifact(run: str, name: str) -> bytes:
    """A file kept with a run: "aligned.safetensors". Raises InputError if there is none."""
    return keep.opened().artifact(run, name)


def artifacts(run: str) -> frozenset[str]:
    """Names of the files kept with a run."""
    status(run)
    return keep.opened().store.names("runs", run)


def recent(
    limit: int = 20,
    *,
    kind: str | Sequence[str] | None = "path",
    state: str | None = None,
    owner: str | None = None,
    words: str = "",
    mine: bool = False,
    order: Order = "newest",
) -> list[RunStatus]:
    """The first runs in an order that are listed, or that `owner` asked for, with all `words` in their texts and tags.

    kind   one, several, or None for all
    mine   only what `owner` was the first to ask for, listed or not
    """
    return keep.opened().index.recent(limit, kind=kind, state=state, owner=owner, words=words, mine=mine, order=order)


def owned(run: str, owner: str) -> bool:
    """True if `owner` was the first to ask for the run, and so decides whether it is listed."""
    return keep.opened().index.owned(run, owner)


def wanted(run: str, owner: str) -> bool:
    """True if `owner` waits for the run."""
    return keep.opened().index.wanted(run, owner)


def publish(run: str, owner: str, listed: bool = True, tags: Sequence[str] = ()) -> bool:
    """Show a finished run in the gallery under some tags, or no longer. True if it is `owner`'s.

    Raises SettingError for tags that are not up to six short words, RunError if too much of theirs is published.
    """
    return keep.opened().publish(run, owner, listed, tidy_tags(tags))


def delete(run: str, owner: str) -> bool:
    """Delete a run that has ended, with its result, its files and its link. True if it was `owner`'s."""
    return keep.opened().delete(run, owner)


def picture(run: str, name: str) -> bytes:
    """The picture of a finished run: "thumbnail.svg", or "card.png" for previews. Raises LMCError if there is none."""
    return keep.opened().picture(run, name)


def expected(request: Request) -> float | None:
    """Seconds a request should take here, from earlier runs like it; None if there were none."""
    return keep.opened().index.expected(entry(bind(request))["likeness"])


def usual(kind: str) -> float | None:
    """Seconds that the default analysis of a kind took where it was computed; None where there is no such result."""
    request = default_request(kind)
    try:
        found = None if request is None else result(request.id)
    except LMCError:
        return None
    took = getattr(found, "seconds", {}).get("total")
    return None if took is None else float(took)


def larger(request: Request) -> float | None:
    """How many times as many parameters the networks of a request have, together, as those of the default analysis of
    its kind; None where there is no such analysis. Raises InputError if one of them is not in the library."""
    default = default_request(request.kind)
    if default is None:
        return None
    models = KINDS[request.kind].models
    here, there = (sum(library.card(model).parameters for model in models(r.options)) for r in (request, default))
    return here / there if there else None


def health() -> dict[str, Any]:
    """The engine, for the health check. Everybody may read it, so it is the same whether or not anybody computes."""
    return engine.health(keep.opened())


def prepare() -> None:
    """The default analyses of the pages: those that are shipped are there at once, the others are computed.

    The default path is queued first; the rest follow whenever nothing else waits.

    The server's lifespan calls it once the engine has started. Raises RunError if the queue is full.
    """
    archive = keep.opened()
    requests = examples()
    missing = [request for request in requests if not adopt(request, archive)]
    for request in requests:
        if request not in missing or request is requests[0]:
            submit(request)
    if archive.host.prepare:
        Preparation(archive, missing, submit, cancel).start()
