"""Runs: requests that compute once, in a worker process, and are kept. This is what the pages call; it needs no torch.

run = runs.submit(Request.of("path", a="digits-mlp-128/seed0", b="digits-mlp-128/seed1"))
runs.status(run)        RunStatus: queued, running with progress, done, failed …
runs.result(run)        PathResult, once it is done

The names load what they need on first use: a worker, which sees this package too, needs none of it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmc_core.runs.kinds.request import Request
    from lmc_core.runs.service import (
        artifact,
        artifacts,
        bind,
        cancel,
        delete,
        expected,
        find,
        health,
        larger,
        owned,
        picture,
        prepare,
        publish,
        recent,
        request,
        result,
        retry,
        start,
        status,
        stop,
        submit,
        usual,
        wanted,
    )
    from lmc_core.runs.share.default import default_request
    from lmc_core.runs.values.status import RunStatus

__all__ = [
    "Request",
    "RunStatus",
    "artifact",
    "artifacts",
    "bind",
    "cancel",
    "default_request",
    "delete",
    "expected",
    "find",
    "health",
    "larger",
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
    "usual",
    "wanted",
]

_HOMES = {
    "Request": "lmc_core.runs.kinds.request",
    "RunStatus": "lmc_core.runs.values.status",
    "default_request": "lmc_core.runs.share.default",
}


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(_HOMES.get(name, "lmc_core.runs.service")), name)
    raise AttributeError(f"module 'lmc_core.runs' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
