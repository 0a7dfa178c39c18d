"""A run as one .zip file: its request, its results and, where its owner allows, its networks.

    bundle.json               what this is, version, title, id of the run it was made of
    request.json              the canonical request
    run.json, arrays.npz      the result as the store keeps it
    units.npz                 its units one by one, where they were kept
    aligned.safetensors       B aligned, and A as reference.safetensors where the method changes its numbers (left out
                              on the way in: they follow from the rest)
    fused.safetensors         the network that a fusion made (.pt2 for programs)
    a.safetensors, b.…        the networks (.pt2 for programs)

A bundle that comes in is hostile until checked: names, sizes, no pickle, every field of the result by its type,
every option of the request by its kind. It becomes a run whose id comes from the file's bytes, so it can never stand in
for one that was computed here.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lmc_core.data.steady import steady
from lmc_core.errors import InputError
from lmc_core.networks.safety.limits import parse_json
from lmc_core.runs.keep import units
from lmc_core.runs.keep.pack import unpack
from lmc_core.runs.keep.schema import check
from lmc_core.runs.keep.store import ARRAYS, RESULT
from lmc_core.runs.kinds import KINDS, classes
from lmc_core.runs.kinds.fuse import ARTIFACTS as FUSED
from lmc_core.runs.kinds.path import ARTIFACTS as PATH
from lmc_core.runs.kinds.path import PathResult
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library import unit_checks
from lmc_core.runs.library.checks import Bundled, checked
from lmc_core.runs.library.limits import upload_limit

FORMAT, VERSION = "mode-connectivity-explorer run", 1
SUFFIX = ".zip"
ABOUT, REQUEST = "bundle.json", "request.json"
LETTERS = "abcdefgh"
MODELS = tuple(f"{letter}.{kind}" for letter in LETTERS for kind in ("safetensors", "pt2"))
ALIGNED = tuple(f"{name}.{kind}" for name in PATH for kind in ("safetensors", "pt2"))

JSON_BYTES, ARRAY_BYTES, ARRAY_COUNT = 8 * 2**20, 256 * 2**20, 20_000
ARRAY_NAMES = re.compile(r"a\d{1,6}\.npy")
ENTRIES = (ABOUT, REQUEST, RESULT, ARRAYS, units.FILE, *ALIGNED, *FUSED, *MODELS)


def opened_zip(source: Any, name: str) -> zipfile.ZipFile:
    """The archive, once its directory holds nothing but what a bundle holds. Raises InputError."""
    try:
        archive = zipfile.ZipFile(source)
    except Exception as error:  # whatever zip makes of bytes that are not its own
        raise InputError(f"{name!r} is not a readable zip file ({str(error)[:80]}); export the run again") from error
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    for entry in entries:
        if entry.filename not in ENTRIES or names.count(entry.filename) > 1:
            raise InputError(f"{name!r} holds {entry.filename[:60]!r}, which no bundle holds, or holds it twice")
        if entry.flag_bits & 1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InputError(f"{entry.filename!r} in {name!r} is encrypted or compressed in an unusual way")
        limit = JSON_BYTES if entry.filename.endswith(".json") else _limit(entry.filename)
        if entry.file_size > limit:
            size = f"{entry.file_size / 2**20:.0f} MB"
            raise InputError(f"{entry.filename!r} in {name!r} unpacks to {size}; the limit is {limit / 2**20:.0f} MB")
    if missing := [part for part in (ABOUT, REQUEST, RESULT, ARRAYS) if part not in names]:
        raise InputError(f"{name!r} is not a bundle of a run: it has no {missing[0]}")
    return archive


def read(path: Path, name: str) -> Bundled:
    """The result in a bundle, checked. Raises InputError with a sentence."""
    with opened_zip(path, name) as archive:
        try:
            parts = {part: archive.read(part) for part in (ABOUT, REQUEST, RESULT, ARRAYS)}
        except Exception as error:  # whatever zip and zlib make of bytes that are not theirs
            raise InputError(f"{name!r} is damaged ({str(error)[:80]}); export the run again") from error
    about, asked = (parse_json(parts[part], f"{part} in {name}") for part in (ABOUT, REQUEST))
    if not isinstance(about, dict) or about.get("format") != FORMAT or about.get("version") != VERSION:
        raise InputError(f"{name!r} is not a bundle that this version reads; export the run again")
    try:
        result = unpack(parse_json(parts[RESULT], f"{RESULT} in {name}"), _arrays(parts[ARRAYS], name), classes())
    except InputError:
        raise
    except Exception as error:  # whatever classes of ours make of values that are not theirs
        raise InputError(f"the result in {name!r} is damaged ({str(error)[:80]}); export the run again") from error
    if not isinstance(result, Bundled):
        raise InputError(f"{name!r} holds no path, no fusion and no other analysis")
    check(result, type(result))
    if json.loads(json.dumps(dict(result.request), default=list)) != asked:
        raise InputError(f"the request in {name!r} is not the one its result answers")
    return checked(replace(result, request=_request(asked, type(result), name)), name)


def _request(asked: Any, result: type, name: str) -> dict[str, Any]:
    """What was asked for, every option checked by the kind that has such results, and filled in. Raises InputError."""
    try:
        request = Request.parse(json.dumps(asked))
    except InputError as error:
        raise InputError(f"{name!r} answers no request that could be made here: {error}") from None
    if KINDS[request.kind].results[:1] != (result,):
        raise InputError(f"{name!r} answers a {request.kind} request with a {result.__name__}")
    return {"kind": request.kind, **request.options}


def read_units(path: Path, name: str, result: Bundled) -> unit_checks.Kept:
    """The units of the result in a bundle, checked; nothing where it has none. Raises InputError with a sentence."""
    with opened_zip(path, name) as archive:
        if units.FILE not in archive.namelist():
            return {}
        try:
            content = archive.read(units.FILE)
        except Exception as error:  # whatever zip and zlib make of bytes that are not theirs
            raise InputError(f"{name!r} is damaged ({str(error)[:80]}); export the run again") from error
    return checked_units(content, result, name)


def checked_units(content: bytes, result: Bundled, name: str) -> unit_checks.Kept:
    """The units of a path in a bundle, checked. Raises InputError where they are not what the path has."""
    if not isinstance(result, PathResult):
        raise InputError(f"{name!r} holds units, which only runs of a path have")
    limits = unit_checks.BYTES, unit_checks.COUNT, unit_checks.NAMES
    return unit_checks.checked_units(_arrays(content, name, *limits), result, name)


def _limit(name: str) -> int:
    return {ARRAYS: ARRAY_BYTES, units.FILE: unit_checks.BYTES}.get(name) or upload_limit()


def _arrays(
    content: bytes,
    name: str,
    most_bytes: int = ARRAY_BYTES,
    most: int = ARRAY_COUNT,
    names: re.Pattern[str] = ARRAY_NAMES,
) -> Mapping[str, Any]:
    """The arrays of a bundle: plain numbers and text, not more than fit."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
        size = sum(entry.file_size for entry in entries)
        if len(entries) > most or size > most_bytes:
            raise InputError(f"{name!r} holds {len(entries)} arrays of {size / 2**20:.0f} MB, more than a run has")
        if any(not names.fullmatch(entry.filename) for entry in entries):
            raise InputError(f"{name!r} holds arrays with names that no run has")

        def once() -> dict[str, Any]:
            with np.load(io.BytesIO(content), allow_pickle=False) as stored:
                return {array: stored[array] for array in stored.files}

        return steady(once)
    except InputError:
        raise
    except Exception as error:  # whatever NumPy, zip and zlib make of bytes that are not theirs
        raise InputError(f"the arrays in {name!r} cannot be read ({str(error)[:80]})") from error
