"""What a kind of run says about itself, so that requests are checked and shown without importing torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmc_core.report import Report
    from lmc_core.runs.values.request import Request

Work = Callable[["Request", "Report", Path, str], Any]


@dataclass(frozen=True)
class Kind:
    """One kind of run: its options, its steps and its work.

    doing      what is being done, as a heading: "Measuring the plane"
    stages     its steps in order
    options    fills in and checks the options of a request; raises InputError or SettingError
    work       carries a request out: (request, report, folder, device) → result; imports torch when it is called
    results    classes of what it stores
    title      options → what the run is called, where that is not the names of a pair
    example    options of the analysis that its page shows before anybody asks for one: cheap, of shipped models
    proof      draws everything that a page shows of a result and returns its finding; raises an error of any kind where
               the numbers, which came in a bundle, do not belong together
    """

    name: str
    doing: str
    stages: tuple[str, ...]
    options: Callable[..., dict[str, Any]]
    work: Work
    results: tuple[type, ...]
    title: Callable[[Mapping[str, Any]], str] | None = None
    example: Mapping[str, Any] | None = None
    proof: Callable[[Any], str] | None = None


def models_of(options: Mapping[str, Any]) -> list[str]:
    """Ids of all models a request names, in the order of its fingerprints."""
    single = [str(options[name]) for name in ("a", "b", "third") if options.get(name)]
    single += [str(options["curve"]["model"])] if "model" in (options.get("curve") or {}) else []
    return single + [str(model) for model in options.get("models", ())]
