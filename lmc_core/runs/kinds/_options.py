"""Options that several kinds of run have, with one meaning, one default and one range everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lmc_core.alignment.method import Method
from lmc_core.data.dataset import ASKED
from lmc_core.fusion import FUSIONS
from lmc_core.methods import METHODS
from lmc_core.options import REQUIRED, Nested, Option

MOST_SETTINGS = 100


class Model(Option):
    """An option that names a model of the library, or several."""


class Data(Option):
    """An option that names data: of the registry, or a visitor's own by its id."""


@dataclass(frozen=True)
class Settings(Nested):
    """The settings of a method that another option names; a URL spells each as `method.setting`.

    of      that option
    known   name → method
    """

    of: Option | None = None
    known: Mapping[str, Method] = field(default_factory=dict)

    def check(self, value: Any) -> Any:
        """A mapping of names; what a method has to say of it, `filled` says."""
        fits = isinstance(value, Mapping) and len(value) <= MOST_SETTINGS
        if not fits or not all(isinstance(name, str) for name in value):
            raise self.refused(value)
        return dict(value)

    @property
    def allowed(self) -> str:
        return "a mapping from the names of settings to values"

    @property
    def schema(self) -> dict[str, Any]:
        return {"title": self.title, "description": self.help, "type": "object", "default": self.default}

    def filled(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """All settings of the method that the options name. Raises SettingError."""
        return self.known[options["method"]].said(options[self.name])

    def spread(self, values: Mapping[str, Any]) -> dict[str, str]:
        if values.get("method") is None:
            return {}
        said = self.known[values["method"]].options
        return {f"{said.owner}.{name}": text for name, text in said.query(said.check(values[self.name])).items()}

    def gather(self, query: Mapping[str, str]) -> dict[str, Any]:
        assert self.of is not None
        method = self.known.get(query.get(self.of.url or self.of.name, self.of.default))
        if method is None:
            return {}
        named = {option: query.get(f"{method.name}.{option.name}") for option in method.parameters}
        return {self.name: {option.name: option.parse(text) for option, text in named.items() if text is not None}}


A = Model("a", str, REQUIRED, "The reference: a model of the library.", low=1, high=200, label="A")
B = Model("b", str, REQUIRED, "The model that is aligned to A.", low=1, high=200, label="B")
MODELS = Model("models", str, REQUIRED, "Models of the library; the first is A.", low=1, high=200, many=True)
DATA = Data("data", str, "digits", "Data to measure on: a name, or the id of uploaded data.", low=1, high=80)
TASK = Option(
    "task",
    str,
    "auto",
    "What the targets are: one class each, 0 or 1 for each of several labels, numbers to be predicted; auto: what they "
    "and the outputs look like.",
    choices=ASKED,
    label="Task",
    left_out=True,
)
METHOD = Option("method", str, "weight-matching", "How B is aligned to A.", choices=tuple(METHODS))
SETTINGS = Settings("settings", dict, {}, "Of the method.", of=METHOD, known=METHODS)
FUSION = Option(
    "method",
    str,
    "wasserstein-barycenter",
    "How the networks are fused.",
    choices=tuple(FUSIONS),
    url="fusion",
)
FUSION_SETTINGS = replace(SETTINGS, of=FUSION, known=FUSIONS)
POINTS = Option("points", int, 25, "How many values of t are measured, both ends included.", low=2, high=201)
RECALIBRATE = Option(
    "recalibrate",
    str,
    "auto",
    "Recompute the statistics of the networks between on training data: of BatchNorm layers (bn-reset), of every layer "
    "(repair); auto: of BatchNorm layers where there are any.",
    choices=("auto", "bn-reset", "repair"),
    optional=True,
)
SEED = Option(
    "seed",
    int,
    0,
    "Of everything drawn at random: the same seed gives the same result.",
    low=0,
    high=2**32 - 1,
)
TRAIN_EXAMPLES = Option(
    "train_examples",
    int,
    10_000,
    "How many training examples are measured, drawn by the seed; 0 = all.",
    low=0,
    high=10_000_000,
    label="Training examples",
    unit="examples",
)
TEST_EXAMPLES = replace(
    TRAIN_EXAMPLES,
    name="test_examples",
    default=0,
    help="How many test examples are measured, drawn by the seed; 0 = all.",
    label="Test examples",
    left_out=True,
)
PRECISION = Option(
    "precision",
    float,
    0.0,
    "Stop measuring when every barrier is known so well, relative to itself, with 95%: 0.05 is ± 5%; 0 = measure all "
    "examples.",
    low=0.0,
    high=0.5,
    left_out=True,
)
FEWER_EXAMPLES = replace(TRAIN_EXAMPLES, default=1_000, url="examples")
"""Of kinds that measure hundreds of networks, or every method."""
FEWER_TEST_EXAMPLES = replace(TEST_EXAMPLES, default=1_000)
DEVICE = Option(
    "device",
    str,
    "auto",
    "Where it is computed; auto: on a GPU if there is one.",
    pattern=r"auto|cpu|cuda(:\d{1,2})?|mps",
    wording="auto, cpu, cuda, cuda:0 or mps",
)


def settled(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with all settings of their method filled in."""
    return {**options, "settings": SETTINGS.filled(options)}


def counted(examples: int) -> int | None:
    """A number of examples as measurements take it: None for all."""
    return examples or None
