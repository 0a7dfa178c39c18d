"""The command that computes a result in the reader's shell, and how the reader opens its models."""

import shlex
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from lmc_core.commands.spelling import line
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library import data as datasets
from lmc_core.runs.values.card import ModelCard
from lmc_core.runs.values.record import Result

NOTHING: Mapping[str, str] = MappingProxyType({})


def command(result: Result, also: Mapping[str, str] = NOTHING) -> str:
    """The line.

    also   id of a model → where the reader finds it, of models that the result does not name
    """
    options = dict(result.request)
    request = Request(options.pop("kind"), options, 0)
    models: Sequence[ModelCard] = getattr(result, "models", ())
    files = {card.id: location(card) for card in models} | dict(also)
    if (data := options.get("data")) is not None:
        files[data] = data_location(data)
    return " \\\n  ".join([line(request, lambda name: files.get(name, name)), *map(shlex.join, _readings(models))])


def location(card: ModelCard) -> str:
    """Where the reader finds a model: in the repository, or under the name it was uploaded with."""
    if not card.uploaded:
        return f"checkpoints/{card.id}.safetensors"
    name = card.filename or card.title
    return f"./{name}" if name.startswith("-") else name  # a shell's command would read an option


def data_location(data: str) -> str:
    """What the reader calls the data: a name, or the file that it was uploaded as."""
    return datasets.filename(data) if data.startswith("npz-") else data


def opened(card: ModelCard) -> str:
    """The call that opens a model in Python as it was read here."""
    said = _said(card)
    normalize = said.pop("normalize", None)
    given = [repr(location(card)), *([f"arch={said!r}"] if said else [])]
    return f"lmc.load({', '.join([*given, *([f'normalize={normalize!r}'] if normalize else [])])})"


def _said(card: ModelCard) -> dict[str, Any]:
    """Option → value of what the file of a model does not say; lists follow from its shapes."""
    found = {option: value for option, value, _ in card.assumptions if not isinstance(value, (list, tuple))}
    for option, value, _ in card.assumptions:
        if option == "normalize":
            found[option] = "none" if value is None else value if isinstance(value, str) else _spelled(value)
    return found


def _spelled(normalize: Sequence[Any]) -> str:
    """Mean and deviation as a command reads them."""
    sides = [side if isinstance(side, (list, tuple)) else (side,) for side in normalize]
    return "/".join(",".join(map(_shortest, side)) for side in sides)


def _shortest(number: Any) -> str:
    """The fewest digits that are read back as this number."""
    return min(f"{number:g}", repr(float(number)), key=lambda text: (float(text) != number, len(text)))


def _readings(models: Sequence[ModelCard]) -> list[list[str]]:
    """Words of a command that say so: of all its models where that is the same for each, else of each by its file."""
    found = {f"{location(card)}:": _said(card) for card in models}
    if len({repr(said) for said in found.values()}) == 1:
        found = {"": _said(models[0])}
    return [
        ["--normalize", f"{file}{value}"] if name == "normalize" else ["--arch", f"{file}{name}={value}"]
        for file, said in found.items()
        for name, value in said.items()
    ]
