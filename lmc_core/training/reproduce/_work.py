"""What an experiment trains and measures, everything once: stopped at any time, it goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lmc_core.data.dataset import Dataset
from lmc_core.networks.network import Network
from lmc_core.report import Report
from lmc_core.training.reproduce._experiment import Run
from lmc_core.training.reproduce._trained import filename, kept, shipped, trained
from lmc_core.training.train import Recipe

Made = tuple[Recipe, int]
"""A network by its recipe and its seed."""


def sets(networks: Sequence[Made], size: int) -> list[Sequence[Made]]:
    """One after another, so many at a time: 2 gives independent pairs."""
    return [networks[i : i + size] for i in range(0, len(networks), size)]


class Work:
    """Networks and numbers of one experiment, kept in a folder: what is there is neither trained nor measured again.

    plan   all networks that may be wanted; on a card those that can are trained together at the first need
    data   what they learn: all the same, or each of the plan its own
    """

    def __init__(
        self, plan: Sequence[Made], data: Dataset | Sequence[Dataset], *, keep: str, device: str, report: Report
    ) -> None:
        self.plan, self.data, self.keep, self.device, self.report = list(plan), data, keep, device, report
        self._networks: dict[str, Network] = {}
        self._numbers: dict[str, Any] = {}

    def network(self, made: Made) -> Network:
        """Read, or trained."""
        name = self.name(made)
        if name not in self._networks:
            plan = self.plan if self.device.startswith("cuda") and made in self.plan else [made]
            data = [self.learned(each) for each in plan]
            nets = trained(plan, keep=self.keep, data=data, device=self.device, report=self.report)
            self._networks |= {self.name(each): net for each, net in zip(plan, nets, strict=True)}
        return self._networks[name]

    def learned(self, made: Made) -> Dataset:
        """What a network learns."""
        return self.data if isinstance(self.data, Dataset) else self.data[self.plan.index(made)]

    def name(self, made: Made) -> str:
        """Of its file: another recipe, seed or example gives another name."""
        return filename(*made, self.learned(made))

    def runs(
        self,
        sets: Sequence[Sequence[Made]],
        row: Mapping[str, Any],
        found: Mapping[str, Sequence[float | None]],
        opens: Mapping[str, Any] | None = None,
    ) -> list[Run]:
        """What a row of the table is the mean of: one run of each set of networks.

        found   column → a number per set
        opens   `kind` and options of a request that asks for the same of a set of shipped networks
        """
        return [
            Run(
                ", ".join(dict.fromkeys(recipe.title for recipe, _ in made)),
                tuple(seed for _, seed in made),
                row,
                {column: values[i] for column, values in found.items()},
                self._opened(made, opens) if opens else None,
            )
            for i, made in enumerate(sets)
        ]

    def _opened(self, made: Sequence[Made], opens: Mapping[str, Any]) -> dict[str, Any] | None:
        """The request with its networks, where all of them are shipped."""
        files = [shipped(recipe, seed, self.learned((recipe, seed))) for recipe, seed in made]
        names = [f"{file.parent.name}/{file.stem}" for file in files if file]
        if len(names) < len(made):
            return None
        models = {"models": names} if opens["kind"] == "fuse" else dict(zip("ab", names, strict=True))
        return {**opens, **models, "data": made[0][0].data}

    def number(self, what: Mapping[str, Any], made: Sequence[Made], measure: Callable[..., Any]) -> Any:
        """`measure(*networks)`, a JSON value, unless it was measured before.

        what   everything the value depends on besides the networks
        """
        key = json.dumps({"what": what, "networks": [self.name(each) for each in made]}, sort_keys=True)
        if key in self._numbers:
            return self._numbers[key]
        folder = kept(self.keep)
        file = folder / "found" / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.json" if folder else None
        if file and file.exists():
            value = json.loads(file.read_text())["value"]
        else:
            value = measure(*(self.network(each) for each in made))
            if file:
                file.parent.mkdir(parents=True, exist_ok=True)
                part = file.with_suffix(f".{os.getpid()}")
                part.write_text(json.dumps({"key": json.loads(key), "value": value}))
                part.replace(file)
        self._numbers[key] = value
        return value
