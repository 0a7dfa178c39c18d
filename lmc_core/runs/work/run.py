"""What a worker does with a request: the work of its kind, found by its name."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path

from lmc_core.report import Report
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.values.record import Result
from lmc_core.runs.work.device import pick_device


def run(request: Request, report: Report, folder: Path, device: str) -> Result:
    """Carry out a request from the queue; files left in `folder` are kept with its result.

    device   what the host offers; a request that names one of its own gets that

    Raises InputError with a sentence for the visitor, Cancelled if `report` does.
    """
    work = import_module(f"lmc_core.runs.work.{request.kind}").work
    return _placeless(work(request, report, folder, pick_device(request["device"], device)))


def _placeless(result: Result) -> Result:
    """Without the addresses of model files, which are this host's alone: a result is shared, and shipped."""
    models = getattr(result, "models", None)
    if not isinstance(models, tuple):
        return result
    return replace(result, models=tuple(replace(card, path="") for card in models))  # type: ignore[type-var]
