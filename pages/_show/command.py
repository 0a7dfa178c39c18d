"""The command that computes a result in the reader's shell."""

from collections.abc import Mapping
from types import MappingProxyType

from lmc_core.commands.spelling import line
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.values.card import ModelCard
from lmc_core.runs.values.record import Result

NOTHING: Mapping[str, str] = MappingProxyType({})


def command(result: Result, also: Mapping[str, str] = NOTHING) -> str:
    """The line.

    also   id of a model → where the reader finds it, of models that the result does not name
    """
    options = dict(result.request)
    request = Request(options.pop("kind"), options, 0)
    files = {card.id: location(card) for card in getattr(result, "models", ())} | dict(also)
    return line(request, lambda name: files.get(name, name))


def location(card: ModelCard) -> str:
    """Where the reader finds a model: in the repository, or under the name it was uploaded with."""
    if card.uploaded and card.title.startswith("-"):
        return f"./{card.title}"  # a shell's command would read an option
    return card.title if card.uploaded else f"checkpoints/{card.id}.safetensors"
