"""Networks of an experiment: shipped, or trained and kept in a folder under the hash of all that made them."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from lmc_core.data.dataset import Dataset
from lmc_core.data.files import home
from lmc_core.data.registry import dataset
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
    "Folder for the trained networks, read again by later runs; empty: in the folder of downloads; none: keep nothing.",
)


def trained(
    recipes: Sequence[tuple[Recipe, int]], *, keep: str, data: Sequence[Dataset], device: str, report: Report
) -> list[Network]:
    """Networks by recipe and seed, each read if it is shipped, or in the folder `keep` from an earlier training; or
    trained and kept.

    On a card those that can share a stack are trained at once.

    data   what each is trained on
    """
    folder = kept(keep)
    files = [folder / filename(r, s, d) if folder else None for (r, s), d in zip(recipes, data, strict=True)]
    there = [shipped(r, s, d) or file for (r, s), d, file in zip(recipes, data, files, strict=True)]
    found = {i: load(str(file)) for i, file in enumerate(there) if file and file.exists()}
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


def shipped(recipe: Recipe, seed: int, data: Dataset) -> Path | None:
    """Its checkpoint, where one is shipped; the title of a recipe trains nothing."""
    made = {**recipe.as_json(), "title": ""}
    root = Path(os.environ.get("LMC_CHECKPOINTS") or Path(__file__).resolve().parents[3] / "checkpoints")
    for name, known in RECIPES.items():
        file = root / name / f"seed{seed}.safetensors"
        if {**known.as_json(), "title": ""} == made and file.exists() and data.digest == dataset(recipe.data).digest:
            return file
    return None


def filename(recipe: Recipe, seed: int, data: Dataset) -> str:
    """Of a network in the folder: another recipe, seed or example gives another name."""
    made = {"recipe": {**recipe.as_json(), "title": ""}, "seed": seed, "data": data.digest}
    digest = hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()[:16]
    title = re.sub("[^a-z0-9]+", "-", recipe.title.lower()).strip("-")
    return f"{title}-{seed}-{digest}.safetensors"
