"""Which architecture a plain state dict belongs to, by the shapes of its tensors and not by their names.

Names serve three ends only: to see which tensors are of one layer, to tell a weight from a bias and a mean of equal
shape, and to break ties between layers of equal shape. What shapes cannot tell is a visible assumption.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from lmc_core.errors import RecogniseError, SettingError
from lmc_core.networks.families import FAMILIES, architecture, build
from lmc_core.networks.families._family import Family
from lmc_core.networks.families._options import read
from lmc_core.networks.families._parts import Match, NotThis, Shape
from lmc_core.networks.values import Architecture, Assumption, Normalize

CIFAR10 = Normalize((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))
IMAGENET = Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

_ADVICE = "export the model to .pt2 instead (python -m lmc_core export), or describe it with --arch family=… key=value"


@dataclass(frozen=True)
class Recognised:
    """What a state dict seems to be.

    renames      their tensor name → ours
    assumptions  what the shapes could not tell
    normalize    what inputs of its kind are usually scaled by; None = as they are
    """

    architecture: Architecture
    renames: Mapping[str, str]
    assumptions: tuple[Assumption, ...] = ()
    normalize: Normalize | None = None


def recognise(shapes: Mapping[str, Shape], *, given: Mapping[str, Any]) -> Recognised:
    """The architecture of a state dict.

    shapes   tensor name → shape, floating-point tensors only, in the order of the file
    given    architecture options the user states; `family` restricts the search, `order` lists layer names

    Raises RecogniseError that says what was seen, SettingError for an option the family does not have.
    """
    options = dict(given)
    wanted = options.pop("family", None)
    empty = next((name for name, shape in shapes.items() if 0 in shape), None)
    if empty is not None:
        raise RecogniseError(f"tensor {empty!r} of shape {tuple(shapes[empty])} is empty; save the network again")
    if wanted is not None and wanted not in FAMILIES:
        raise SettingError(f"there is no architecture family {wanted!r}; it is one of {', '.join(FAMILIES)}")
    if "order" in options:
        shapes = _reordered(shapes, options.pop("order"))
    failures: dict[str, str] = {}
    for family in tuple(FAMILIES.values())[::-1] if wanted is None else (FAMILIES[wanted],):
        try:
            found = family.recognise(shapes, options)
        except NotThis as reason:
            failures[family.name] = str(reason)
            continue
        if wanted is None and (name := family.foreign(shapes)) is not None:
            asked = f"family={family.name} reads it as one all the same"
            failures[family.name] = f"{name!r} is named as of something else ({asked})"
            continue
        return _finished(family, found, shapes, given)
    raise RecogniseError(_failure(shapes, failures))


def _finished(family: Family, found: Match, shapes: Mapping[str, Shape], given: Mapping[str, Any]) -> Recognised:
    """The result, held against the module it stands for, with the input's scale among the assumptions."""
    made = architecture(family.name, **found.options)
    with torch.device("meta"):
        own = {k: tuple(t.shape) for k, t in build(made).state_dict().items()}
    needed = {k: shape for k, shape in own.items() if not k.endswith("num_batches_tracked")}
    theirs = {ours: shapes[name] for name, ours in found.renames.items()}
    wrong = [k for k in needed if theirs.get(k) != needed[k]] or [k for k in shapes if k not in found.renames]
    if wrong:
        seen = f"{wrong[0]} should be {needed.get(wrong[0])} and is {theirs.get(wrong[0], shapes.get(wrong[0]))}"
        raise RecogniseError(f"the tensors look like a {family.name}, but {seen}; {_ADVICE}")
    normalize = _usual_scale(made) if family.images else None
    scales: tuple[Assumption, ...] = ()  # tokens have none
    if normalize is None and not family.example(read(family.options, made.options))[1]:
        why = "the scale of the inputs has no tensor; images are read in [0, 1]"
        scales = (Assumption("normalize", None, why),)
    elif normalize is not None:
        which = "ImageNet" if normalize is IMAGENET else "CIFAR-10"
        why = f"the scale of the inputs has no tensor; colour images are normalised as for {which}"
        scales = (Assumption("normalize", [list(normalize.mean), list(normalize.std)], why),)
    kept = tuple(a for a in (*found.assumptions, *scales) if a.option not in given)
    return Recognised(made, found.renames, kept, normalize)


def _usual_scale(architecture: Architecture) -> Normalize | None:
    """What networks for colour images were most likely trained with."""
    shape = list(architecture.options.get("input_shape") or [])
    if len(shape) != 3 or shape[0] != 3:
        return None
    return IMAGENET if shape[1] >= 128 else CIFAR10


def _reordered(shapes: Mapping[str, Shape], order: Any) -> dict[str, Shape]:
    """The tensors of the listed layers first, as listed. Raises SettingError for a layer that is not there."""
    listed = [str(k).strip() for k in (order.split(",") if isinstance(order, str) else order)]
    chosen: dict[str, Shape] = {}
    for key in listed:
        own = {name: s for name, s in shapes.items() if name == key or name.startswith((key + ".", key + "_"))}
        if not own:
            raise SettingError(f"order={order!r} names {key!r}, but no tensor's name starts with it")
        chosen |= own
    return {**chosen, **shapes}


def _failure(shapes: Mapping[str, Shape], reasons: Mapping[str, str]) -> str:
    """One sentence: what was seen, why the likeliest families do not fit, what to do."""
    sizes = [len(shape) for shape in shapes.values()]
    counts = [(sizes.count(4), "convolutions"), (sizes.count(2), "matrices"), (sizes.count(1), "vectors")]
    seen = ", ".join(f"{count} {what}" for count, what in counts if count)
    odd = next((name for name, shape in shapes.items() if len(shape) not in (1, 2, 4) and shape[:1] != (1,)), None)
    if odd is not None:
        seen += f"{', ' if seen else ''}and {odd!r} of shape {tuple(shapes[odd])}, which no known family has"
    likeness = {name: FAMILIES[name].likeness(shapes) for name in FAMILIES}
    likely = sorted((n for n in reasons if likeness[n] >= max(likeness.values()) - 1), key=lambda n: -likeness[n])
    named = likely[:2] or list(reasons)[:2]
    because = "; ".join(f"not {FAMILIES[name].phrase}, because {reasons[name]}" for name in named)
    return f"the architecture of {len(shapes)} tensors ({seen}) was not recognised: {because}; {_ADVICE}"
