"""Arguments that several commands take, and what they mean."""

from __future__ import annotations

import argparse
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lmc_core.errors import CheckpointError, SettingError
from lmc_core.options import Option

if TYPE_CHECKING:
    from lmc_core.networks.network import Network

OPTION = "option_"  # before the name of a declared option among the arguments
SETTING = "setting_"  # before the name of a setting among the arguments


@dataclass(frozen=True)
class Answer:
    """What a command found: for a program, and for a person."""

    json: Mapping[str, Any]
    text: str


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Options that say what a file of weights does not."""
    parser.add_argument(
        "--arch",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="what shapes cannot tell: activation=tanh, pool=avg, family=NAME, …; may be repeated",
    )
    parser.add_argument(
        "--normalize",
        metavar="MEAN/STD",
        help="input normalisation: 0.1307/0.3081, or one number per channel: 0.49,0.48,0.45/0.25,0.24,0.26",
    )


def add_options(parser: argparse.ArgumentParser, options: Iterable[Option]) -> None:
    """One argument per declared option, with its help, range and default; `given_options` reads them back.

    Values stay text until they are read, so that a refusal is the option's own sentence.
    """
    for option in options:
        said = f"{option.help} ({option.allowed}"
        said += ")" if option.required else f"; default: {option.text(option.default)})"
        how: dict[str, Any] = {"dest": f"{OPTION}{option.name}", "help": said.replace("%", "%%")}
        flag = f"--{option.name.replace('_', '-')}"
        if option.kind is bool and not option.many:
            parser.add_argument(flag, nargs="?", const="true", metavar="true|false", **how)
        else:
            parser.add_argument(flag, metavar="|".join(map(str, option.choices)) or option.name.upper(), **how)


def given_options(args: argparse.Namespace, options: Iterable[Option]) -> dict[str, Any]:
    """The declared options, read from the command line or at their defaults. Raises SettingError."""
    found = {}
    for option in options:
        text = getattr(args, f"{OPTION}{option.name}")
        if text is None and option.required:
            raise SettingError(f"--{option.name.replace('_', '-')} is missing: {option.help}")
        found[option.name] = option.default if text is None else option.parse(text)
    return found


class Declared(Protocol):
    """What can be set: a method of alignment or of fusion."""

    @property
    def name(self) -> str: ...
    @property
    def parameters(self) -> tuple[Option, ...]: ...


def add_settings(parser: argparse.ArgumentParser, methods: Iterable[Declared], taken: Container[str] = ()) -> None:
    """One option per setting of any of the methods, but for names that the command takes itself, and --set for all."""
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the method")
    found: dict[str, tuple[Option, list[str]]] = {}
    for method in methods:
        for parameter in method.parameters:
            if parameter.name not in taken:
                found.setdefault(parameter.name, (parameter, []))[1].append(method.name)
    group = parser.add_argument_group("settings of the methods")
    for name, (parameter, having) in found.items():
        group.add_argument(
            f"--{name.replace('_', '-')}",
            dest=f"{SETTING}{name}",
            metavar="|".join(parameter.choices) or parameter.kind.__name__.upper(),
            help=f"{parameter.help} ({', '.join(having)}; default: {parameter.default})".replace("%", "%%"),
        )


def given_settings(args: argparse.Namespace) -> dict[str, Any]:
    """The settings that were given, by --set or by their own options."""
    own = {name.removeprefix(SETTING): value for name, value in vars(args).items() if name.startswith(SETTING)}
    return {**pairs(args.set, "--set"), **{name: value for name, value in own.items() if value is not None}}


def read_model(text: str, args: argparse.Namespace, *, like: Network | None = None) -> Network:
    """The network in a file, or a shipped one by its id such as digits-mlp-128/seed0."""
    from lmc_core.networks.checkpoint import load

    return load(_file(text), arch=pairs(args.arch, "--arch"), normalize=normalization(args.normalize), like=like)


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


def pairs(words: Iterable[str], option: str) -> dict[str, str]:
    """["a=1", "b=2"] as a mapping. Raises SettingError for a word without "="."""
    found = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key.strip():
            raise SettingError(f"{option} {word!r} is not of the form key=value")
        found[key.strip()] = value.strip()
    return found


def normalization(text: str | None) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """ "0.13/0.31" as (mean, std)."""
    if text is None:
        return None
    mean, slash, std = text.partition("/")
    try:
        if not slash:
            raise ValueError
        return tuple(map(float, mean.split(","))), tuple(map(float, std.split(",")))
    except ValueError:
        raise SettingError(f"--normalize {text!r} is not mean/std, such as 0.1307/0.3081") from None


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
    """As .safetensors or .pt2, by the ending."""
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
