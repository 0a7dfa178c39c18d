"""What groups are called in pictures."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lmc_core.symmetry.axis import groups_in
from lmc_core.symmetry.symmetry import Symmetry


def labels(symmetry: Symmetry) -> dict[str, str]:
    """group → "layer 1", "layer 2", … in a plain chain of layers; elsewhere where it stands: "block 1 · head".

    A chain has no nested groups, and every group is written by one module alone.
    """
    writers: dict[str, set[str]] = {name: set() for name in symmetry.groups}
    for contraction in symmetry.contractions:
        for group in groups_in(symmetry.axes[contraction.weight][contraction.write]):
            writers[group.name].add(contraction.weight.rpartition(".")[0])
    chain = all(group.within is None for group in symmetry.groups.values())
    if chain and all(len(modules) == 1 for modules in writers.values()):
        return {name: f"layer {number}" for number, name in enumerate(symmetry.groups, 1)}
    return places(symmetry.groups)


_NUMBERED = re.compile(r"(?P<word>layer|stage|block)s?[._]?(?P<number>\d+)")


def places(names: Iterable[str]) -> dict[str, str]:
    """Dotted names of modules → where they stand, in as few words as tell them apart.

    "layer2.0.conv1" → "stage 2 · block 1 · conv1", "blocks.0.attn.qk" → "block 1 · qk". What is numbered within the
    numbered is a block; words in between are left out where no two names become one.
    """
    whole = {name: _parts(name) for name in names}
    brief = {name: [p for p in parts[:-1] if " " in p] + parts[-1:] for name, parts in whole.items()}
    unlike = {name: parts for name, parts in brief.items() if list(brief.values()).count(parts) == 1}
    found = {name: " · ".join(unlike.get(name, parts)) for name, parts in whole.items()}
    return found if len(set(found.values())) == len(found) else {name: name for name in found}


def _parts(name: str) -> list[str]:
    """The words of a name; where there is a number, with the word that it counts."""
    found: list[str] = []
    deep = False
    *around, last = name.split(".")
    if last.isdigit() and around:  # the place in a list of layers is the name of a layer
        last = f"{around.pop()}.{last}"
    for word in (*around, last):
        stage = _NUMBERED.fullmatch(word)
        if stage:  # as torchvision counts its stages, from 1
            found.append(
                f"stage {stage['number']}" if stage["word"] == "layer" else f"{stage['word']} {stage['number']}"
            )
            deep = True
        elif word.isdigit():
            counted = found.pop() if found and not deep else "block"
            found.append(f"{counted.removesuffix('s')} {int(word) + 1}")
            deep = True
        else:
            found.append(word)
            deep = False
    return found
