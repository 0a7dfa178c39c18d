"""Arguments that several commands take, and what they mean."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmc_core.commands.spelling import pairs
from lmc_core.errors import CheckpointError, SettingError
from lmc_core.report import Report

if TYPE_CHECKING:
    from lmc_core.data.dataset import Asked, Dataset
    from lmc_core.networks.network import Network
    from lmc_core.runs.summary import Summary
    from lmc_core.runs.values.card import ModelCard
    from lmc_core.runs.work.pair import Opening


ARCH = re.compile(r"(?:(.+):)?(\w+\s*=.*)", re.DOTALL)
NORMALIZE = re.compile(r"(?:(.+):)?([^:]*)", re.DOTALL)
"""An option of one file, or of all: the file, and what is said."""


@dataclass(frozen=True)
class Answer:
    """What a command found: for a program, for a person, and for the files with its figures if it has any."""

    json: Mapping[str, Any]
    text: str
    said: Callable[[], Summary] | None = None


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Options that say what a file of weights does not."""
    parser.add_argument(
        "--arch",
        action="append",
        default=[],
        metavar="[FILE:]KEY=VALUE",
        help="what shapes cannot tell: activation=tanh, pool=avg, family=NAME, … of all files or of one; "
        "may be repeated",
    )
    parser.add_argument(
        "--normalize",
        action="append",
        default=[],
        metavar="[FILE:]MEAN/STD",
        help="input normalisation of all files or of one: 0.1307/0.3081, one number per channel: "
        "0.49,0.48,0.45/0.25,0.24,0.26, or none; where neither file nor this says it, the usual ones are tried on "
        "training examples",
    )


def read_model(
    text: str, args: argparse.Namespace, *, like: Network | None = None, data: Dataset | None = None
) -> Network:
    """The network in a file, or a shipped one by its id such as digits-mlp-128/seed0.

    data   tells the size of images where the file does not
    """
    from lmc_core.networks.checkpoint import load
    from lmc_core.networks.reading import sized

    file = _file(text)
    arch = pairs(_said_of(text, args, "arch", ARCH), "--arch")
    normalized = _said_of(text, args, "normalize", NORMALIZE)

    def read(said: Mapping[str, Any]) -> Network:
        return load(file, arch=said, normalize=normalized[-1] if normalized else None, like=like)

    return read(arch) if data is None else sized(read, arch, data.shape, data.name)


def _said_of(text: str, args: argparse.Namespace, option: str, form: re.Pattern[str]) -> list[str]:
    """What one of the options above says of a file: of all first, then of it alone. Raises SettingError."""
    given = {name for value in vars(args).values() for name in (value if isinstance(value, list) else [value])}
    of_all, of_it = [], []
    for word in getattr(args, option):
        file, said = found.groups() if (found := form.fullmatch(word)) else (None, word)
        if file is None:
            of_all.append(said)
        elif file == text:
            of_it.append(said)
        elif file not in given:
            raise SettingError(f"--{option} {word!r} is said of {file!r}, which is no file of this command")
    return of_all + of_it


def read_models(names: Sequence[str], args: argparse.Namespace, data: Dataset) -> tuple[list[Network], list[ModelCard]]:
    """The networks that arguments name, each read like the first where its file does not say how, and their cards.

    data   tells their normalisation and the size of their images where the files do not
    """
    from lmc_core.networks.reading import decided
    from lmc_core.runs.work.facts import card_of

    networks: list[Network] = []
    for name in names:
        networks.append(read_model(name, args, like=networks[0] if networks else None, data=data))
    networks = decided(networks, data)
    return networks, [card_of(net, title=title(name)) for net, name in zip(networks, names, strict=True)]


def opening(args: argparse.Namespace, data: str, device: str, task: Asked = "auto") -> Opening:
    """Opens pairs of networks that arguments name."""
    from lmc_core.data.registry import dataset
    from lmc_core.runs.work.pair import Pair, paired

    examples = dataset(data, task=task)

    def opened(first: str, second: str, report: Report, stage: str) -> Pair:
        report(stage, 0, 0)
        (a, b), (card_a, card_b) = read_models((first, second), args, examples)
        return paired(a, b, examples, (card_a, card_b), device)

    return opened


def known_as(text: str, network: Network) -> str:
    """What a page calls the model an argument names: a shipped network by its title and seed, a file by its name."""
    from lmc_core.runs.settings import settings
    from lmc_core.runs.work.facts import card_of

    path = _file(text)
    if path.resolve().is_relative_to(settings().checkpoints.resolve()):
        return card_of(network, seed=network.metadata.get("seed")).name
    return path.stem


def _file(text: str) -> Path:
    """The file that an argument names, itself or by the id of a shipped network. Raises CheckpointError."""
    from lmc_core.runs.settings import settings

    path = Path(text)
    if path.exists():
        return path
    shipped = settings().checkpoints / f"{text}.safetensors"
    if not shipped.exists():
        raise CheckpointError(f"there is no file {text!r}, and no shipped network of that name")
    return shipped


def title(text: str) -> str:
    """A short name for the model an argument names: its folder and file, without the ending."""
    return "/".join(Path(text).with_suffix("").parts[-2:])


def shape(text: str) -> tuple[int, ...]:
    """ "1x28x28" as (1, 28, 28)."""
    try:
        sizes = tuple(int(part) for part in text.lower().replace("×", "x").split("x"))
    except ValueError:
        sizes = ()
    if not sizes or min(sizes) < 1:
        raise SettingError(f"{text!r} is not a shape such as 1x28x28")
    return sizes


def check_output(text: str | None, *suffixes: str) -> None:
    """Find out before the work whether its result can be written. Raises SettingError."""
    if text is None:
        return
    path = Path(text)
    if path.suffix not in suffixes:
        raise SettingError(f"--out {text!r} must end in {' or '.join(suffixes)}")
    if not path.absolute().parent.is_dir():
        raise SettingError(f"--out {text!r}: there is no folder {str(path.absolute().parent)!r}")


def write(network: Network, text: str) -> None:
    """As .safetensors, .pth or .pt2, by the ending: tensors under the names of the file that the network came from."""
    if Path(text).suffix == ".pt2":
        network.export(text)
    else:
        network.save(text)


def table(rows: Iterable[Iterable[object]], indent: str = "  ") -> str:
    """Rows in columns; the last column is left as it is."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*(row[:-1] for row in cells), strict=True)]
    lines = (
        indent + "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in cells
    )
    return "\n".join(lines)
