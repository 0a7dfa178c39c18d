"""Runs that read a network from a visitor's file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lmc_core.errors import SettingError
from lmc_core.networks.values import parse_normalize
from lmc_core.options import Nested, Option, Options
from lmc_core.runs.kinds._file import FILENAME, UPLOAD, named
from lmc_core.runs.kinds._kind import Kind
from lmc_core.runs.kinds._options import DATA, DEVICE
from lmc_core.runs.values.card import ModelCard
from lmc_core.runs.values.facts import SymmetryFacts
from lmc_core.runs.values.record import Record

STAGES = ("Reading the file", "Finding the symmetry", "Measuring the accuracy")
LARGEST_ARCH = 4000  # characters


@dataclass(frozen=True, eq=False, kw_only=True)
class InspectResult(Record):
    """What an uploaded file turned out to be: its card and the tables of its symmetry."""

    model: ModelCard
    symmetry: SymmetryFacts

    @property
    def title(self) -> str:
        """The name of the network."""
        return self.model.title

    @property
    def json(self) -> dict[str, Any]:
        """The object that `inspect --json` prints."""
        return {
            "model": {"id": self.model.id, "title": self.model.title, "fingerprint": self.model.fingerprint},
            "family": self.model.family,
            "parameters": self.model.parameters,
            "assumptions": self.model.assumed,
            "accuracy": dict(self.model.accuracy),
            "groups": {row.name: row.size for row in self.symmetry.groups},
            "classes": {row.name: row.kind for row in self.symmetry.groups},
            "axes": {row.name: list(row.axes) for row in self.symmetry.tensors},
            "pinned": [
                {"tensor": p.tensor, "axis": p.axis, "size": p.size, "why": p.why} for p in self.symmetry.pinned
            ],
            "unknown_ops": list(self.symmetry.unknown_ops),
            "unused": list(self.symmetry.unused),
            "verification_error": self.symmetry.error,
            **self.made,
        }


@dataclass(frozen=True)
class Arch(Nested):
    """What the visitor knows of an architecture and shapes do not tell: option → value."""

    def check(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise self.refused(value)
        options = {str(key): part for key, part in value.items()}
        if len(json.dumps(options, default=str)) > LARGEST_ARCH:
            raise SettingError(f"{self.name} holds more than {LARGEST_ARCH} characters")
        for key, part in options.items():
            if not isinstance(part, (str, int, float, bool, type(None), list, tuple)):
                raise SettingError(f"{self.name}: {key}={part!r} is not a number, a word or a list of them")
        return options

    @property
    def allowed(self) -> str:
        return "a mapping from options of an architecture to values"

    @property
    def schema(self) -> dict[str, Any]:
        return {"title": self.title, "description": self.help, "type": "object", "default": self.default}


@dataclass(frozen=True)
class Normalize(Nested):
    """Mean and standard deviation of the inputs, each one number or one per channel; as lists."""

    def check(self, value: Any) -> list[list[float]] | None:
        if value is None:
            return None
        value = parse_normalize(value) if isinstance(value, str) else value
        try:
            mean, std = ([float(v) for v in (part if isinstance(part, (list, tuple)) else [part])] for part in value)
        except (TypeError, ValueError, OverflowError):
            raise SettingError(f"{self.name}={value!r} is not a mean and a standard deviation") from None
        if len(mean) != len(std) or not all(abs(m) < 1e6 and 0 < s < 1e6 for m, s in zip(mean, std, strict=True)):
            raise SettingError(f"{self.name}={value!r} needs as many positive standard deviations as means")
        return [mean, std]

    @property
    def allowed(self) -> str:
        return "a mean and a standard deviation, each one number or one per channel, or none"

    @property
    def schema(self) -> dict[str, Any]:
        numbers = {"type": "array", "items": {"type": "number"}, "minItems": 1}
        about = {"title": self.title, "description": self.help, "default": None}
        return {**about, "anyOf": [{"type": "null"}, {"type": "array", "items": numbers, "minItems": 2, "maxItems": 2}]}


ARCH = Arch("arch", dict, {}, "What shapes do not tell of the architecture; it overrules what is assumed.")
NORMALIZE = Normalize("normalize", list, None, "Mean and standard deviation of the inputs.", optional=True)
HUB = Option(
    "hub",
    str,
    None,
    "Where on the Hugging Face Hub the file is fetched from first.",
    optional=True,
    pattern=r"[\w.-]{1,96}/[\w.-]{1,96}@[\w./-]{1,100}:[\w./ -]{1,200}",
    wording="owner/repo@revision:file.safetensors",
    left_out=True,
)
MEASURED = replace(DATA, default=None, optional=True, help="Data on which its accuracy is measured.")


INSPECT = Kind(
    "inspect",
    "Reading the network",
    STAGES,
    Options("inspect", (UPLOAD, FILENAME, MEASURED, ARCH, NORMALIZE, DEVICE, HUB)),
    (InspectResult, SymmetryFacts, ModelCard),
    settle=named,
    facts=(),
    reads_file=True,
)
