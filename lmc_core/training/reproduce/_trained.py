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

    data   what each is trained on
    """
    found = []
    folder = None if keep == "none" else Path(keep).expanduser() if keep else home() / "trained"
    for number, ((recipe, seed), examples) in enumerate(zip(recipes, data, strict=True), 1):

        def stage(what: str, done: int, total: int, /, part: str = "", number: int = number) -> None:
            report(f"{what} network {number} of {len(recipes)}", done, total)

        file = folder / filename(recipe, seed, examples) if folder else None
        if file and file.exists():
            net = load(str(file))
        else:
            net = train(recipe, seed, data=examples, device=device, report=stage)
            if file:
                file.parent.mkdir(parents=True, exist_ok=True)
                net.save(str(file))
        found.append(net.to(device))
    return found


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
