"""Runs: requests that compute once, in a worker process, and are kept. This is what the pages call; it needs no torch.

run = runs.submit(Request.path("digits-mlp-128/seed0", "digits-mlp-128/seed1"))
runs.status(run)        RunStatus: queued, running with progress, done, failed …
runs.result(run)        PathResult, once it is done
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lmc_core.errors import InputError, RunError

# These three modules share their names with functions below, so they must be loaded before those are defined.
from lmc_core.runs.values.request import Request, is_run_id
from lmc_core.runs.values.result import Result
from lmc_core.runs.values.status import RunStatus

if TYPE_CHECKING:
    from lmc_core.runs.service import Service

__all__ = [
    "Request",
    "RunStatus",
    "artifact",
    "artifacts",
    "cancel",
    "default_request",
    "expected",
    "health",
    "owned",
    "picture",
    "prepare",
    "publish",
    "recent",
    "request",
    "result",
    "retry",
    "start",
    "status",
    "stop",
    "submit",
    "wanted",
]


def _service() -> Service:
    from lmc_core.runs.service import service

    return service()


def start() -> None:
    """Start the engine of this process: the server's lifespan calls it. Twice is once."""
    _service().start()


def stop() -> None:
    """Stop the engine; what was running is marked as interrupted, what waits resumes at the next start."""
    _service().stop()


def submit(request: Request, owner: str | None = None) -> str:
    """Queue a request and return its run id. A request that waits, runs or is done already is not queued again.

    owner   who asks: may cancel it, and counts against the limit per visitor; who asks first owns it for good

    Raises RunError if the queue is full.
    """
    service = _service()
    run = request.id
    known = service.index.status(run)
    if known is not None and known.state in ("queued", "running"):
        service.index.want(run, owner)
        return run
    if service.store.has(run):
        if known is None or known.state != "done":
            stored = service.store.load(run)
            service.index.enqueue(request, owner=owner, state="done", finding=stored.finding, **_about(request))
        return run
    _check_room(service, owner)
    if known is not None and known.state == "done":  # its result has been deleted from the store
        service.index.requeue(run, owner)
    else:
        service.index.enqueue(request, owner=owner, **_about(request))
    service.wake()
    return run


def status(run: str) -> RunStatus:
    """How a run is doing. Raises InputError if there is no such run."""
    found = _service().index.status(run) if is_run_id(run) else None
    if found is None:
        raise InputError(f"there is no run {str(run)[:40]!r} on this server")
    return found


def cancel(run: str, owner: str | None = None) -> bool:
    """Ask for a run to stop: at once if it waits, within a second if it runs. True if it will.

    owner   a visitor stops only what they asked for, and only if nobody else waits for it; None may stop anything
    """
    service = _service()
    stopping = service.index.cancel(run, owner)
    service.wake()
    return stopping


def retry(run: str, owner: str | None = None) -> str:
    """Queue a run that failed, was cancelled or interrupted once more; returns its id."""
    return submit(request(run), owner)


def request(run: str) -> Request:
    """What a run was asked to compute. Raises InputError if there is no such run."""
    found = _service().index.request(run) if is_run_id(run) else None
    if found is None:
        raise InputError(f"there is no run {str(run)[:40]!r} on this server")
    return found


def result(run: str) -> Result:
    """What a run found. Raises RunError if it is not done, with the reason if it failed."""
    now = status(run)
    if now.state != "done":
        raise RunError(now.reason or f"run {run} is {now.state}")
    return _service().result(run)


def artifact(run: str, name: str) -> bytes:
    """A file kept with a run: "aligned.safetensors". Raises InputError if there is none."""
    status(run)
    return _service().store.read("runs", run, name)


def artifacts(run: str) -> frozenset[str]:
    """Names of the files kept with a run."""
    status(run)
    return _service().store.names("runs", run)


def recent(
    limit: int = 20,
    *,
    kind: str | Sequence[str] | None = "path",
    state: str | None = None,
    owner: str | None = None,
    words: str = "",
    mine: bool = False,
) -> list[RunStatus]:
    """The newest runs that are listed, or that `owner` asked for, with all `words` in title, finding or tags.

    kind   one, several, or None for all
    mine   only what `owner` was the first to ask for, listed or not
    """
    return _service().index.recent(limit, kind=kind, state=state, owner=owner, words=words, mine=mine)


def owned(run: str, owner: str) -> bool:
    """True if `owner` was the first to ask for the run, and so decides whether it is listed."""
    return _service().index.owned(run, owner)


def wanted(run: str, owner: str) -> bool:
    """True if `owner` waits for the run."""
    return _service().index.wanted(run, owner)


def publish(run: str, owner: str, listed: bool = True, tags: Sequence[str] = ()) -> bool:
    """Show a finished run in the gallery under some tags, or no longer. True if it is `owner`'s.

    Raises SettingError for tags that are not up to six short words.
    """
    from lmc_core.runs.values.request import tidy_tags

    return _service().index.publish(run, owner, listed, tidy_tags(tags))


def picture(run: str, name: str) -> bytes:
    """The picture of a finished run: "thumbnail.svg", or "card.png" for previews. Raises LMCError if there is none."""
    from lmc_core.runs.share import pictures as illustrate

    service = _service()
    if name in illustrate.PICTURES and service.store.exists("runs", run, name):
        return artifact(run, name)
    return illustrate.draw(result(run), name)


def expected(request: Request) -> float | None:
    """Seconds a request should take here, from earlier runs like it; None if there were none."""
    return _service().index.expected(_about(request)["likeness"])


def health() -> dict[str, Any]:
    """The engine, for the health check. Everybody may read it, so it is the same whether or not anybody computes."""
    running = _service().engine
    engine = running.state if running else {"alive": False, "workers": []}
    return {"status": "ok" if engine["alive"] else "no engine", **engine}


def default_request(kind: str = "path") -> Request | None:
    """The analysis that is ready without a click: of a path, the MNIST pair where MNIST is at hand, else digits."""
    from lmc_core.runs.share.default import default_request

    return default_request(kind)


def prepare() -> None:
    """Queue the default path; the default analyses of the other pages follow whenever nothing else waits.

    The server's lifespan calls it once the engine has started.
    """
    from lmc_core.runs.share.default import examples
    from lmc_core.runs.share.prepare import Preparation

    if (request := default_request()) is not None:
        submit(request)
    if _service().host.prepare:
        Preparation(_service(), examples()).start()


def _about(request: Request) -> dict[str, Any]:
    from lmc_core.runs.library.about import about

    return about(request)


def _check_room(service: Service, owner: str | None) -> None:
    host = service.host
    if service.index.waiting() >= host.queue:
        raise RunError(f"{host.queue} runs are waiting already; try again in a few minutes")
    if owner is not None and service.index.waiting(owner) >= host.queue_per_owner:
        raise RunError(
            f"{host.queue_per_owner} of your runs are waiting already; cancel one, or wait until one is done"
        )
