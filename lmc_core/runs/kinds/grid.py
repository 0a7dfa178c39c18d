"""A sweep written down: every combination of pairs, data, methods with their settings, and seeds, as requests."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from lmc_core.errors import SettingError
from lmc_core.runs.kinds.request import Request

LARGEST = 10_000
"""Most runs of one sweep."""

_SHARED = ("points", "recalibrate", "train_examples", "test_examples", "device")
_KEYS = ("pairs", "methods", "data", "seeds", *_SHARED)


def requests(text: str, *, seed: int = 0, device: str = "auto") -> tuple[Request, ...]:
    """The requests that a JSON object spells, in its order, each once.

        {"pairs": [["digits-mlp-32/seed0", "digits-mlp-32/seed1"]],
         "methods": ["weight-matching", {"method": "frank-wolfe", "restarts": [1, 3]}],
         "data": ["digits"], "seeds": [0, 1], "points": 25, "recalibrate": "auto", "train_examples": 1000}

    pairs      ids of networks in the library
    methods    names, or objects with a setting per key: a list of values is tried one by one
    data       names of data sets (default: digits); seeds (default: `seed`)
    others     as of any path, the same for all; the device is `device` unless it is spelled

    Raises SettingError or InputError with what is wrong, before anything is computed.
    """
    spec = _object(text)
    shared = {name: spec[name] for name in _SHARED if name in spec}
    pairs = _list(spec, "pairs", None)
    if not all(isinstance(pair, list) and len(pair) == 2 and all(isinstance(id, str) for id in pair) for pair in pairs):
        raise SettingError('pairs is a list of two networks each: [["digits-mlp-32/seed0", "digits-mlp-32/seed1"]]')
    methods = [found for entry in _list(spec, "methods", ["weight-matching"]) for found in _settings(entry)]
    grid = (pairs, _list(spec, "data", ["digits"]), methods, _list(spec, "seeds", [seed]))
    count = len(pairs) * len(grid[1]) * len(methods) * len(grid[3])
    if not 0 < count <= LARGEST:
        raise SettingError(f"the sweep has {count} runs; give at least one and at most {LARGEST}")
    made = [
        Request.of(
            "path", a=a, b=b, data=data, method=method, settings=settings, seed=number, **{"device": device, **shared}
        )
        for (a, b), data, (method, settings), number in product(*grid)
    ]
    return tuple(dict.fromkeys(made))


def _object(text: str) -> Mapping[str, Any]:
    try:
        spec = json.loads(text)
    except ValueError as error:
        raise SettingError(f"the sweep is not JSON: {error}") from None
    if not isinstance(spec, dict):
        raise SettingError(f"a sweep is a JSON object with the keys {', '.join(_KEYS)}")
    if unknown := [key for key in spec if key not in _KEYS]:
        raise SettingError(f"a sweep has no key {unknown[0]!r}; it has {', '.join(_KEYS)}")
    return spec


def _list(spec: Mapping[str, Any], key: str, default: Sequence[Any] | None) -> list[Any]:
    value = spec.get(key, default)
    if not isinstance(value, list) or not value:
        raise SettingError(f"{key} is a list of one or more, not {json.dumps(value)[:60]}")
    return value


def _settings(entry: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every combination of the settings of one entry of `methods`."""
    if isinstance(entry, str):
        entry = {"method": entry}
    if not isinstance(entry, dict) or not isinstance(entry.get("method"), str):
        raise SettingError(f'a method is a name or {{"method": name, setting: value}}, not {json.dumps(entry)[:60]}')
    tried = {key: value if isinstance(value, list) else [value] for key, value in entry.items() if key != "method"}
    for values in product(*tried.values()):
        yield entry["method"], dict(zip(tried, values, strict=True))
