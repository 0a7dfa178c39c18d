"""Which architecture a plain state dict belongs to, by the shapes of its tensors and not by their names.

Names serve three ends only: to see which tensors are of one layer, to tell a weight from a bias and a mean of equal
shape, and to break ties between layers of equal shape. What shapes cannot tell is a visible assumption.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch

from lmc_core.errors import RecogniseError, SettingError
from lmc_core.networks.families import FAMILIES, build
from lmc_core.networks.families._parts import NotThis, Part, Recognised, Shape, parts
from lmc_core.networks.families.cnn import recognise as cnn
from lmc_core.networks.families.mlp import recognise as mlp
from lmc_core.networks.families.recurrent import recognise as recurrent
from lmc_core.networks.families.resnet import recognise as resnet
from lmc_core.networks.families.transformer import recognise as transformer
from lmc_core.networks.values import Assumption, Normalize

__all__ = ["Recognised", "recognise"]

CIFAR10 = Normalize((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))
IMAGENET = Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

_ADVICE = "export the model to .pt2 instead (python -m lmc_core export), or describe it with --arch family=… key=value"


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
    for family, attempt in _attempts(shapes, options).items():
        if wanted not in (None, family):
            continue
        try:
            found = attempt()
        except NotThis as reason:
            failures[family] = str(reason)
            continue
        return _finished(found, shapes, given)
    raise RecogniseError(_failure(shapes, failures))


def _attempts(shapes: Mapping[str, Shape], given: Mapping[str, Any]) -> dict[str, Callable[[], Recognised]]:
    """Families from the most to the least particular."""

    def layers() -> list[Part]:
        return parts(shapes)

    return {
        "recurrent": lambda: recurrent.recognise(shapes, given),
        "transformer": lambda: transformer.recognise(layers(), given),
        "mlp": lambda: mlp.recognise(layers(), given),
        "resnet": lambda: resnet.recognise(layers(), given),
        "cnn": lambda: cnn.recognise(layers(), given),
    }


def _finished(found: Recognised, shapes: Mapping[str, Shape], given: Mapping[str, Any]) -> Recognised:
    """The result, held against the module it stands for, with the input's scale among the assumptions."""
    with torch.device("meta"):
        own = {k: tuple(t.shape) for k, t in build(found.architecture).state_dict().items()}
    needed = {k: shape for k, shape in own.items() if not k.endswith("num_batches_tracked")}
    theirs = {ours: shapes[name] for name, ours in found.renames.items()}
    wrong = [k for k in needed if theirs.get(k) != needed[k]] or [k for k in shapes if k not in found.renames]
    if wrong:
        seen = f"{wrong[0]} should be {needed.get(wrong[0])} and is {theirs.get(wrong[0], shapes.get(wrong[0]))}"
        raise RecogniseError(f"the tensors look like a {found.architecture.family}, but {seen}; {_ADVICE}")
    normalize = _usual_scale(found)
    if normalize is None:
        scale = Assumption("normalize", None, "the scale of the inputs has no tensor; images are read in [0, 1]")
    else:
        which = "ImageNet" if normalize is IMAGENET else "CIFAR-10"
        why = f"the scale of the inputs has no tensor; colour images are normalised as for {which}"
        scale = Assumption("normalize", [list(normalize.mean), list(normalize.std)], why)
    kept = tuple(a for a in (*found.assumptions, scale) if a.option not in given)
    return replace(found, assumptions=kept, normalize=normalize)


def _usual_scale(found: Recognised) -> Normalize | None:
    """What networks for colour images were most likely trained with."""
    shape = list(found.architecture.options.get("input_shape") or [])
    if found.architecture.family not in ("cnn", "resnet", "transformer") or len(shape) != 3 or shape[0] != 3:
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
    likely = [family for family in _likely(shapes) if family in reasons] or list(reasons)
    because = "; ".join(f"not {_SPOKEN[family]}, because {reasons[family]}" for family in likely[:2])
    return f"the architecture of {len(shapes)} tensors ({seen}) was not recognised: {because}; {_ADVICE}"


def _likely(shapes: Mapping[str, Shape]) -> tuple[str, ...]:
    """Families worth naming in an error."""
    sizes = [len(shape) for shape in shapes.values()]
    words = " ".join(shapes).lower()
    if (
        "attn" in words
        or "attention" in words
        or any(shape[:2] == (1, 1) and len(shape) == 3 for shape in shapes.values())
    ):
        return ("transformer",)
    if 4 in sizes:
        pointwise = any(shape[2:] == (1, 1) for shape in shapes.values())
        return ("resnet", "cnn") if pointwise or sizes.count(2) == 1 else ("cnn", "resnet")
    return ("recurrent",) if any(word in words for word in ("hh", "lstm", "gru", "rnn")) else ("mlp",)


_SPOKEN = {
    "mlp": "a multilayer perceptron",
    "cnn": "a chain of convolutions",
    "resnet": "a residual network",
    "recurrent": "a recurrent classifier",
    "transformer": "a transformer encoder",
}
