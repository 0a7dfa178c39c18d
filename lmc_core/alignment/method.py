"""What a method says about itself, so that forms and commands can be made from it without importing torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lmc_core.options import Option, Options

if TYPE_CHECKING:
    from lmc_core.alignment.result import Result


@dataclass(frozen=True)
class Paper:
    """Where a method comes from."""

    key: str  # as cited in the README's bibliography: "Ainsworth 2022"
    title: str
    url: str


AINSWORTH = Paper(
    "Ainsworth 2022", "Git Re-Basin: Merging Models modulo Permutation Symmetries", "https://arxiv.org/abs/2209.04836"
)
AKASH = Paper(
    "Akash 2022",
    "Wasserstein Barycenter-based Model Fusion and Linear Mode Connectivity of Neural Networks",
    "https://arxiv.org/abs/2210.06671",
)
CRISOSTOMI = Paper("Crisostomi 2024", "C²M³: Cycle-Consistent Multi-Model Merging", "https://arxiv.org/abs/2405.17897")
FERBACH = Paper(
    "Ferbach 2024",
    "Proving Linear Mode Connectivity of Neural Networks via Optimal Transport",
    "https://arxiv.org/abs/2310.19103",
)
SINGH = Paper("Singh 2020", "Model Fusion via Optimal Transport", "https://arxiv.org/abs/1910.05653")
"""Papers that several methods come from."""


@dataclass(frozen=True)
class Method:
    """A method: its face (title, paper, parameters, requirements) and its function.

    solve(problem, **settings) returns a Result; it imports what computes when it is called.
    summary      one sentence for the form, under 80 characters
    needs_data   it reads activations
    look         settings of a first look, where the whole takes long: fewer starts or steps
    learns       it learns numbers from the loss along the path, so that a low path alone proves little: it is repeated
                 on a shuffled B
    canonical    it couples the canonical forms of both networks, so that the reference changes its numbers too
    """

    name: str
    title: str
    summary: str
    paper: Paper
    solve: Callable[..., Result]
    parameters: tuple[Option, ...] = ()
    needs_data: bool = False
    canonical: bool = False
    learns: bool = False
    notes: tuple[str, ...] = field(default=())
    look: Mapping[str, int] = field(default_factory=dict)

    @property
    def options(self) -> Options:
        """The parameters as a set that checks settings and is written as a form, a URL or a schema."""
        return Options(self.name, self.parameters, "setting")

    def settings(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """All parameters with defaults filled in and values checked. Raises SettingError for unknown names."""
        return self.options.check(given)

    def begun(self, settings: Mapping[str, Any]) -> dict[str, int]:
        """What of checked settings a first look does less of; nothing where it would be the whole."""
        return {name: few for name, few in self.look.items() if few < settings[name]}

    def said(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The same as they are written down: without those that are left out at their default."""
        return self.options.brief(self.settings(given))


BALANCED = Option(
    "balanced",
    str,
    "auto",
    "Bring units that a ReLU leaves free in scale to one size first; auto: where their sizes differ much.",
    choices=("auto", "on", "off"),
    left_out=True,
)
SIGNED = Option(
    "signed",
    bool,
    False,
    "Let units of odd functions, such as tanh, change their sign.",
    left_out=True,
)
LEVELS = (BALANCED, SIGNED)
"""The settings of methods that find orders, for groups whose class is larger than that."""
