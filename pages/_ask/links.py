"""The address of the controls that ask for a request."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lmc_core.fusion import FUSIONS
from lmc_core.methods import METHODS
from lmc_core.runs.kinds import KINDS

WHOLE = 100  # where the slider of a share ends


def query(kind: str, options: Mapping[str, Any]) -> dict[str, str]:
    """The query of the page of this kind whose controls ask for these options."""
    names = {option.name: option.url for option in KINDS[kind].options if option.url}
    found = {"part": "width"} if kind == "width" else {}
    for option, value in options.items():
        name = names.get(option, option)
        if option == "settings":
            method = options["method"]
            found |= {f"{method}.{setting}": str(given) for setting, given in changed(method, value)}
        elif option in SPELLED:
            found |= SPELLED[option](name, value)
        elif value is not None and option not in UNASKED:
            found[name] = str(value)
    if kind == "width":
        found.pop("data", None)  # that of the shipped networks
    return found


def changed(method: str, settings: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The settings that are not the method's defaults."""
    known = {**METHODS, **FUSIONS}
    usual = known[method].settings({}) if method in known else {}
    return [(name, value) for name, value in settings.items() if usual.get(name) != value]


def _listed(name: str, values: Sequence[Any]) -> dict[str, str]:
    return {name: ",".join(map(str, values))}


def _weights(name: str, weights: Sequence[float]) -> dict[str, str]:
    return _listed(name, _whole(weights)) if len(set(weights)) > 1 else {}


def _whole(weights: Sequence[float]) -> list[int]:
    """Positions of the sliders that come to these shares, as high as they go; the nearest where there are none."""
    for total in range(int(WHOLE / max(weights) + 1e-6), 0, -1):
        parts = [weight * total for weight in weights]
        if all(abs(part - round(part)) < 1e-5 for part in parts):
            return [round(part) for part in parts]
    return [round(WHOLE * weight / max(weights)) for weight in weights]


def _widths(name: str, widths: int | Mapping[str, int] | None) -> dict[str, str]:
    if isinstance(widths, int):
        return {name: "one", "width": str(widths)}
    each = {f"width.{group}": str(size) for group, size in (widths or {}).items()}
    return {name: "each", **each} if each else {}


def _curve(name: str, curve: Mapping[str, Any] | None) -> dict[str, str]:
    named = {"kind": name, "model": "through", "bends": "bends", "epochs": "epochs"}
    return {named[part]: str(value) for part, value in (curve or {}).items() if part in named}


UNASKED = ("kind", "fingerprints")
SPELLED: Mapping[str, Callable[[str, Any], dict[str, str]]] = {
    "models": _listed,
    "methods": _listed,
    "training": lambda name, value: _listed(name, value) if value else {},
    "weights": _weights,
    "widths": _widths,
    "curve": _curve,
    "recalibrate": lambda name, value: {name: value or "none"},
    "temperature": lambda name, value: {name: str(value).lower()},
}
"""Options whose value is not one number or word, or is asked for in another way."""
