"""Networks an experiment trains, kept in a folder under the hash of all that made them."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from lmc_core.data.dataset import Dataset
from lmc_core.data.files import home
from lmc_core.networks.checkpoint import load
from lmc_core.networks.network import Network
from lmc_core.options import Option
from lmc_core.report import Report
from lmc_core.training.recipes import RECIPES
from lmc_core.training.together import alike, stackable, train_together
from lmc_core.training.train import Recipe, train

KEEP = Option(
    "keep",
    str,
    "",
    "Folder for the trained networks, read again by later runs; empty: in the folder of downloads; none: train anew.",
)


def trained(
    recipes: Sequence[tuple[Recipe, int]], *, keep: str, data: Sequence[Dataset], device: str, report: Report
) -> list[Network]:
    """Networks by recipe and seed, each read from the folder `keep` if it was trained before, or trained and kept.

    On a card those that can share a stack are trained at once.

    data   what each is trained on
    """
    folder = kept(keep)
    files = [folder / filename(r, s, d) if folder else None for (r, s), d in zip(recipes, data, strict=True)]
    found = {i: load(str(file)) for i, file in enumerate(files) if file and file.exists()}
    for stack in _stacks(recipes, data, [i for i in range(len(recipes)) if i not in found], device):

        def stage(what: str, done: int, total: int, /, part: str = "", last: int = stack[-1] + 1) -> None:
            report(f"{what} network {last} of {len(recipes)}", done, total)

        if len(stack) > 1:
            chosen = [recipes[i] for i in stack]
            nets = train_together(chosen, data=data[stack[0]], device=device, report=stage)
        else:
            recipe, seed = recipes[stack[0]]
            nets = [train(recipe, seed, data=data[stack[0]], device=device, report=stage)]
        for i, net in zip(stack, nets, strict=True):
            found[i] = net
            if file := files[i]:
                file.parent.mkdir(parents=True, exist_ok=True)
                net.save(str(file))
    return [found[i].to(device) for i in range(len(recipes))]


def kept(keep: str) -> Path | None:
    """The folder that the setting `keep` means; None where nothing is kept."""
    return None if keep == "none" else Path(keep).expanduser() if keep else home() / "trained"


def _stacks(
    recipes: Sequence[tuple[Recipe, int]], data: Sequence[Dataset], missing: Sequence[int], device: str
) -> list[list[int]]:
    """Which of the missing networks are trained together: on a processor, each by itself."""
    stacks: dict[object, list[int]] = {}
    for i in missing:
        recipe = recipes[i][0]
        shared = device.startswith("cuda") and stackable(recipe)
        stacks.setdefault((str(alike(recipe).as_json()), data[i].digest) if shared else i, []).append(i)
    return list(stacks.values())


def by_recipe(
    recipe: str, count: int, seed: int, *, data: Dataset, keep: str, device: str, report: Report
) -> list[Network]:
    """Networks of one recipe by their seeds: the shipped ones, and where more are wanted newly trained ones."""
    root = os.environ.get("LMC_CHECKPOINTS") or Path(__file__).resolve().parents[3] / "checkpoints"
    files = [Path(root) / recipe / f"seed{number}.safetensors" for number in range(seed, seed + count)]
    missing = [(RECIPES[recipe], seed + k) for k, file in enumerate(files) if not file.exists()]
    made = iter(trained(missing, keep=keep, data=[data] * len(missing), device=device, report=report))
    first: list[Network] = []
    for file in files:
        net = load(str(file), like=first[0] if first else None).to(device) if file.exists() else next(made)
        first.append(net)
    return first


def filename(recipe: Recipe, seed: int, data: Dataset) -> str:
    """Of a network in the folder: another recipe, seed or example gives another name."""
    made = {"recipe": {**recipe.as_json(), "title": ""}, "seed": seed, "data": data.digest}
    digest = hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()[:16]
    title = re.sub("[^a-z0-9]+", "-", recipe.title.lower()).strip("-")
    return f"{title}-{seed}-{digest}.safetensors"
