"""How the options of a kind of run are spelled on a command line: added to a parser, read back, and written."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from lmc_core.alignment.method import Method
from lmc_core.commands.files import FILES, PROGRAM
from lmc_core.data.registry import DATASETS
from lmc_core.errors import SettingError
from lmc_core.methods import METHODS
from lmc_core.options import NONE, REQUIRED, Option
from lmc_core.runs.kinds import KINDS
from lmc_core.runs.kinds._curve import BENDS, EPOCHS, TRAINED, Curve
from lmc_core.runs.kinds._kind import Kind
from lmc_core.runs.kinds._options import Data, Model, Settings
from lmc_core.runs.kinds.compare import COMPARE, SettingsOfMethods
from lmc_core.runs.kinds.fuse import Widths
from lmc_core.runs.kinds.request import Request

OPTION = "option_"  # before the name of an option among the arguments
SETTING = "setting_"  # before the name of a setting among the arguments
SAID = ("data", "method", "seed")  # written even at their defaults: what a reader looks for first


def add_options(parser: argparse.ArgumentParser, options: Iterable[Option]) -> None:
    """The arguments that spell these options; `given_options` reads them.

    Values stay text until they are read, so that a refusal is the option's own sentence.
    """
    for option in options:
        _spelling(option).add(parser)


def given_options(args: argparse.Namespace, options: Iterable[Option]) -> dict[str, Any]:
    """The options, read from the command line or at their defaults. Raises SettingError."""
    return {option.name: _spelling(option).read(args) for option in options}


def add_request(parser: argparse.ArgumentParser, kind: Kind, taken: Iterable[str] = ()) -> None:
    """All options of a kind of run, and one per setting of its methods but for names the command has: `taken` too."""
    add_options(parser, kind.options)
    for option in kind.options:
        if isinstance(option, Settings):
            add_settings(parser, option.known.values(), (*kind.options.names, *FILES, *taken))


def asked(args: argparse.Namespace, kind: Kind) -> Request:
    """The request that a command line spells, in which files stand in the place of ids. Raises SettingError."""
    found = kind.canonical(kind.settle(given_options(args, kind.options)))
    return Request(kind.name, MappingProxyType(found), kind.version)


def said(args: argparse.Namespace, option: str) -> bool:
    """Whether the command line says anything of an option, or for "settings" of any setting of a method."""
    if option == "settings":
        own = [value for name, value in vars(args).items() if name.startswith(SETTING)]
        return bool(args.set) or any(value is not None for value in own)
    return getattr(args, f"{OPTION}{option}") is not None


def line(request: Request, name: Callable[[str], str] = str) -> str:
    """The command that asks for a request again, quoted for a shell; `asked` reads it back.

    What would be the same if it were not said is not said.

    name   id of a model, or of data → what the reader's shell calls it
    """
    kind = KINDS[request.kind]
    values = {option.name: request[option.name] for option in kind.options}
    files: list[str] = []
    rest: list[str] = []
    for option in kind.options:
        if _matters(option, values, kind) or (option.name in SAID and values[option.name] is not None):
            words = _spelling(option).write(values, name)
            (files if option.required else rest).append(shlex.join(words))
    return " \\\n  ".join([*filter(None, [f"{PROGRAM} {kind.command or kind.name}", *files]), *filter(None, rest)])


def _matters(option: Option, values: Mapping[str, Any], kind: Kind) -> bool:
    """Whether these values would be another request if nothing were said of this option."""
    if option.required:
        return True
    try:
        return kind.check({**values, option.name: option.default}) != kind.check(values)
    except SettingError:  # what else is said goes with this
        return True


@dataclass(frozen=True)
class _Spelling:
    """One option as `--name VALUE`; one without a default by its place. Others are spelled as their classes say."""

    option: Option

    @property
    def flag(self) -> str:
        return f"--{self.option.name.replace('_', '-')}"

    @property
    def metavar(self) -> str:
        return "|".join(map(str, self.option.choices)) or self.option.name.upper()

    @property
    def help(self) -> str:
        option = self.option
        default = "" if option.required else f"; default: {option.text(option.default)}"
        return f"{option.help} ({option.allowed}{default})".replace("%", "%%")

    def add(self, parser: argparse.ArgumentParser) -> None:
        option, how = self.option, {"metavar": self.metavar, "help": self.help}
        if option.required:
            parser.add_argument(f"{OPTION}{option.name}", **how, **({"nargs": "+"} if option.many else {}))  # type: ignore[arg-type]
        elif option.kind is bool and not option.many:
            how["metavar"] = "true|false"
            parser.add_argument(self.flag, dest=f"{OPTION}{option.name}", nargs="?", const="true", **how)  # type: ignore[arg-type]
        else:
            parser.add_argument(self.flag, dest=f"{OPTION}{option.name}", **how)  # type: ignore[arg-type]

    def read(self, args: argparse.Namespace) -> Any:
        text = getattr(args, f"{OPTION}{self.option.name}")
        return self.option.default if text is None else self.value(text)

    def value(self, given: Any) -> Any:
        """What was given, as a request has it."""
        return self.option.check(given) if self.option.required else self.option.parse(given)

    def write(self, values: Mapping[str, Any], name: Callable[[str], str]) -> list[str]:
        value = values[self.option.name]
        if self.option.required:
            return [_place(word) for word in (value if self.option.many else [value])]
        text = self.option.text(value)
        return [f"{self.flag}={text}"] if text.startswith("-") or not text else [self.flag, text]


class _File(_Spelling):
    """A model or data: a file, or by the name under which it is shipped. Whether there is one, opening it says."""

    @property
    def metavar(self) -> str:
        return "MODEL" if self.option.many else "FILE" if self.option.optional else self.option.name.upper()

    @property
    def help(self) -> str:
        what = DATA_HELP if isinstance(self.option, Data) else MODEL_HELP
        default = "" if self.option.default in (None, REQUIRED) else f" (default: {self.option.default})"
        return f"{self.option.help.partition('. ')[0].partition(': ')[0].rstrip('.')}: {what}{default}"

    def value(self, given: Any) -> Any:
        if self.option.optional and given.lower() == NONE:
            return None
        return self.option.parse(given) if self.option.many and not self.option.required else given

    def write(self, values: Mapping[str, Any], name: Callable[[str], str]) -> list[str]:
        value = values[self.option.name]
        named = None if value is None else list(map(name, value)) if self.option.many else name(value)
        return super().write({**values, self.option.name: named}, name)


class _Settings(_Spelling):
    """The settings of the one method, as --set KEY=VALUE or by options of their own."""

    def add(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the method")

    def read(self, args: argparse.Namespace) -> dict[str, str]:
        own = {name.removeprefix(SETTING): value for name, value in vars(args).items() if name.startswith(SETTING)}
        return {**pairs(args.set, "--set"), **{name: value for name, value in own.items() if value is not None}}

    def write(self, values: Mapping[str, Any], name: Callable[[str], str]) -> list[str]:
        assert isinstance(self.option, Settings)
        method = self.option.known[values["method"]].options
        texts = method.query(method.check(values[self.option.name]))
        return [word for key, text in texts.items() for word in ("--set", f"{key}={text}")]


class _SettingsByMethod(_Spelling):
    """The settings of several methods: --set METHOD.KEY=VALUE, or KEY=VALUE for all that have it."""

    def add(self, parser: argparse.ArgumentParser) -> None:
        words = "a setting, of one method or of all that have it"
        parser.add_argument("--set", action="append", default=[], metavar="[METHOD.]KEY=VALUE", help=words)

    def read(self, args: argparse.Namespace) -> dict[str, dict[str, Any]]:
        chosen = _spelling(COMPARE.options["methods"]).read(args) or list(METHODS)
        found: dict[str, dict[str, str]] = {}
        for key, value in pairs(args.set, "--set").items():
            method, dot, name = key.rpartition(".")
            owners = [method] if dot else [m for m in chosen if name in METHODS[m].options]
            if not owners or any(owner not in chosen for owner in owners):
                raise SettingError(f"--set {key}={value}: none of {', '.join(chosen)} has it")
            for owner in owners:
                found.setdefault(owner, {})[name] = value
        return dict(self.option.check(found))

    def write(self, values: Mapping[str, Any], name: Callable[[str], str]) -> list[str]:
        return [
            word
            for method, settings in values[self.option.name].items()
            for key, text in METHODS[method].options.query(settings).items()
            for word in ("--set", f"{method}.{key}={text}")
        ]


class _Curve(_Spelling):
    """--curve KIND with --curve-bends and --curve-epochs, or --through FILE."""

    def add(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--curve",
            default=NONE,
            choices=(NONE, *TRAINED),
            help="train and measure a curve from A to aligned B too; with --method identity, to B as it is "
            "(default: none)",
        )
        add_options(parser, CURVE_PARTS)
        parser.add_argument(
            "--through", metavar="FILE", help="measure the way through this network too, such as a fused one"
        )

    def read(self, args: argparse.Namespace) -> dict[str, Any] | None:
        given = {part.name: getattr(args, f"{OPTION}curve_{part.name}") for part in (BENDS, EPOCHS)}
        said = {name: text for name, text in given.items() if text is not None}
        if args.through is not None:
            if args.curve != NONE:
                raise SettingError(f"--through leads straight to a network and on; leave out --curve {args.curve}")
            said["model"] = args.through
        kind = args.curve if args.through is None else "through"
        found: dict[str, Any] | None = self.option.check({"kind": kind, **said})
        return found

    def write(self, values: Mapping[str, Any], name: Callable[[str], str]) -> list[str]:
        curve = values[self.option.name]
        if curve is None:
            return []
        if curve["kind"] == "through":
            return ["--through", _place(name(curve["model"]))]
        parts = [word for part in (BENDS, EPOCHS) for word in (f"--curve-{part.name}", str(curve[part.name]))]
        return ["--curve", curve["kind"], *parts]


class _Widths(_Spelling):
    """--widths N for all layers, or --widths GROUP=N,…"""

    @property
    def metavar(self) -> str:
        return "N|GROUP=N,…"

    def value(self, given: str) -> int | dict[str, int] | None:
        each = pairs(given.split(","), self.flag) if "=" in given else None
        found: int | dict[str, int] | None = self.option.check(each or (None if given.lower() == NONE else given))
        return found

    def write(self, values: Mapping[str, Any], name: Callable[[str], str]) -> list[str]:
        widths = values[self.option.name]
        each = isinstance(widths, Mapping) and ",".join(f"{group}={size}" for group, size in widths.items())
        return [self.flag, each or str(widths)]


MODEL_HELP = "a checkpoint file, or the name of a shipped network"
DATA_HELP = f"{', '.join(DATASETS)} or an .npz or .txt file"
CURVE_PARTS = tuple(replace(part, name=f"curve_{part.name}") for part in (BENDS, EPOCHS))
_SPELLINGS: Mapping[type[Option], type[_Spelling]] = {
    Model: _File,
    Data: _File,
    Settings: _Settings,
    SettingsOfMethods: _SettingsByMethod,
    Curve: _Curve,
    Widths: _Widths,
}
"""Kind of option → how it is spelled, where that is not --name VALUE."""


def _spelling(option: Option) -> _Spelling:
    return _SPELLINGS.get(type(option), _Spelling)(option)


def _place(word: str) -> str:
    """A word that stands by its place, or is a file: no option, whatever it begins with."""
    return f"./{word}" if word.startswith("-") else word


def add_settings(parser: argparse.ArgumentParser, methods: Iterable[Method], taken: Container[str]) -> None:
    """One option per setting of any of the methods; those of a taken name are given by --set alone."""
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


def pairs(words: Iterable[str], option: str) -> dict[str, str]:
    """["a=1", "b=2"] as a mapping. Raises SettingError for a word without "="."""
    found = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key.strip():
            raise SettingError(f"{option} {word!r} is not of the form key=value")
        found[key.strip()] = value.strip()
    return found
