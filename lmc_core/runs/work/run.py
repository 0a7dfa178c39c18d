"""What a worker does with a request: the work of its kind, found by its name."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from importlib import import_module
from operator import is_
from pathlib import Path
from typing import Any

from lmc_core.report import Report
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.values.card import ModelCard
from lmc_core.runs.values.record import Result
from lmc_core.runs.work.device import pick_device


def run(request: Request, report: Report, folder: Path, device: str) -> Result:
    """Carry out a request from the queue; files left in `folder` are kept with its result.

    device   what the host offers; a request that names one of its own gets that

    Raises InputError with a sentence for the visitor, Cancelled if `report` does.
    """
    work = import_module(f"lmc_core.runs.work.{request.kind}").work
    found: Result = _placeless(work(request, report, folder, pick_device(request["device"], device)))
    return found


def _placeless(value: Any) -> Any:
    """The same without the addresses of model files, which are this host's alone: a result is shared, and shipped."""
    if isinstance(value, ModelCard):
        return replace(value, path="")
    if isinstance(value, tuple):
        made = tuple(map(_placeless, value))
        return value if all(map(is_, made, value)) else made
    if not is_dataclass(value) or isinstance(value, type):
        return value
    parts = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
    changed = {name: made for name, part in parts.items() if (made := _placeless(part)) is not part}
    return replace(value, **changed) if changed else value
