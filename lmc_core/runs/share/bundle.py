"""A run as one .zip file: its request, its results and, where its owner allows, its networks.

    bundle.json               what this is, version, title, id of the run it was made of
    request.json              the canonical request
    run.json, arrays.npz      the result as the store keeps it
    units.npz                 its units one by one, where they were kept
    aligned.safetensors       B aligned (left out on the way in: it follows from the rest)
    fused.safetensors         the network that a fusion made (.pt2 for programs)
    a.safetensors, b.…        the networks (.pt2 for programs)

A bundle that comes in is hostile until checked: names, sizes, no pickle, every field of the result by its type. It
becomes a run whose id comes from the file's bytes, so it can never stand in for one that was computed here.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lmc_core.errors import InputError
from lmc_core.figures.explore import explore_figure
from lmc_core.figures.layers import layers_figure
from lmc_core.figures.matching import matching_figure
from lmc_core.methods import METHODS
from lmc_core.report import Report
from lmc_core.runs.keep import units
from lmc_core.runs.keep.pack import unpack
from lmc_core.runs.keep.schema import check
from lmc_core.runs.keep.store import ARRAYS, RESULT
from lmc_core.runs.kinds._result import Measured
from lmc_core.runs.library import models as library
from lmc_core.runs.share import bundled_units
from lmc_core.runs.share.bundled import anonymous, checked_analysis, checked_fusion, measured, rising
from lmc_core.runs.values.fused import ARTIFACTS as FUSED
from lmc_core.runs.values.fused import FuseResult
from lmc_core.runs.values.request import Request, plain_filename
from lmc_core.runs.values.result import PathResult, classes
from lmc_core.runs.values.status import STAGES
from lmc_core.words.path import finding

Bundled = PathResult | FuseResult | Measured
FORMAT, VERSION = "mode-connectivity-explorer run", 1
SUFFIX = ".zip"
ABOUT, REQUEST = "bundle.json", "request.json"
LETTERS = "abcdefgh"
MODELS = tuple(f"{letter}.{kind}" for letter in LETTERS for kind in ("safetensors", "pt2"))
ALIGNED = ("aligned.safetensors", "aligned.pt2")

JSON_BYTES, ARRAY_BYTES, ARRAY_COUNT = 8 * 2**20, 256 * 2**20, 20_000
ARRAY_NAMES = re.compile(r"a\d{1,6}\.npy")
ENTRIES = (ABOUT, REQUEST, RESULT, ARRAYS, units.FILE, *ALIGNED, *FUSED, *MODELS)


def export(run: str, *, models: bool = False) -> bytes:
    """The bundle of a finished run.

    models   take the networks along; those that are no longer in the library are left out

    Raises RunError or InputError if the run has no stored analysis.
    """
    from lmc_core import runs

    result = runs.result(run)
    if not isinstance(result, Bundled):
        raise InputError(f"run {run} only read a file; analyses are made into bundles")
    store = library.store()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        about = {"format": FORMAT, "version": VERSION, "run": run, "title": result.title}
        archive.writestr(ABOUT, json.dumps(about, indent=1))
        archive.writestr(REQUEST, json.dumps(dict(result.request), indent=1, default=list))
        for name in (RESULT, ARRAYS, *ALIGNED, *FUSED):
            if store.exists("runs", run, name):
                archive.writestr(name, store.read("runs", run, name))
        if store.exists("runs", run, units.FILE):
            with suppress(InputError):  # units of networks that are not finite stay at home, others would refuse them
                content = store.read("runs", run, units.FILE)
                _units(content, result, units.FILE)
                archive.writestr(units.FILE, content)
        for letter, card in zip(LETTERS, result.models if models else (), strict=False):
            with suppress(InputError):
                known = library.card(card.id)
                if known.fingerprint == card.fingerprint:
                    with library.weights(known) as path:
                        archive.write(path, f"{letter}{path.suffix}")
    return target.getvalue()


def add(filename: str, content: library.Content, *, owner: str = "local") -> str:
    """Queue the checking of a bundle, and of the networks in it as private uploads; returns the id of the new run.

    Raises InputError if it is no bundle at all, CheckpointError if it is too large.
    """
    name = plain_filename(filename)
    if not name.lower().endswith(SUFFIX):
        raise InputError(f"{name!r} is not a bundle; it must end in {SUFFIX}")
    source = io.BytesIO(content) if isinstance(content, bytes) else content
    with opened(source, name) as archive:
        inside = [entry for entry in archive.namelist() if entry in (*FUSED, *MODELS)]
        for entry in inside:
            with archive.open(entry) as file:
                library.add(f"{Path(name).stem} {entry}", file, owner=owner)  # type: ignore[arg-type]
    if not isinstance(source, Path):
        source.seek(0)
    return library.accept(name, source, lambda digest: Request.bundle(digest, name), owner)


def opened(source: Any, name: str) -> zipfile.ZipFile:
    """The archive, once its directory holds nothing but what a bundle holds. Raises InputError."""
    try:
        archive = zipfile.ZipFile(source)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InputError(f"{name!r} is not a readable zip file ({str(error)[:80]}); export the run again") from None
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
    from lmc_core.networks.safety.limits import parse_json

    with opened(path, name) as archive:
        try:
            parts = {part: archive.read(part) for part in (ABOUT, REQUEST, RESULT, ARRAYS)}
        except (zipfile.BadZipFile, OSError, EOFError, ValueError) as error:
            raise InputError(f"{name!r} is damaged ({str(error)[:80]}); export the run again") from None
    about, asked = (parse_json(parts[part], f"{part} in {name}") for part in (ABOUT, REQUEST))
    if not isinstance(about, dict) or about.get("format") != FORMAT or about.get("version") != VERSION:
        raise InputError(f"{name!r} is not a bundle that this version reads; export the run again")
    try:
        result = unpack(parse_json(parts[RESULT], f"{RESULT} in {name}"), _arrays(parts[ARRAYS], name), classes())
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"the result in {name!r} is damaged ({str(error)[:80]}); export the run again") from None
    if not isinstance(result, Bundled):
        raise InputError(f"{name!r} holds no path, no fusion and no other analysis")
    check(result, type(result))
    if json.loads(json.dumps(dict(result.request), default=list)) != asked:
        raise InputError(f"the request in {name!r} is not the one its result answers")
    if isinstance(result, FuseResult):
        return checked_fusion(result, name)
    if isinstance(result, Measured):
        return checked_analysis(result, name)
    return _tidy(_consistent(result, name), name)


def read_units(path: Path, name: str, result: Bundled) -> bundled_units.Kept:
    """The units of the result in a bundle, checked; nothing where it has none. Raises InputError with a sentence."""
    with opened(path, name) as archive:
        if units.FILE not in archive.namelist():
            return {}
        try:
            content = archive.read(units.FILE)
        except (zipfile.BadZipFile, OSError, EOFError, ValueError) as error:
            raise InputError(f"{name!r} is damaged ({str(error)[:80]}); export the run again") from None
    return _units(content, result, name)


def _units(content: bytes, result: Bundled, name: str) -> bundled_units.Kept:
    if not isinstance(result, PathResult):
        raise InputError(f"{name!r} holds units, which only runs of a path have")
    limits = bundled_units.BYTES, bundled_units.COUNT, bundled_units.NAMES
    return bundled_units.checked_units(_arrays(content, name, *limits), result, name)


def read_bundle(request: Request, report: Report, folder: Path, device: str) -> Bundled:
    """Check an uploaded bundle; its result becomes that of this run. Called by the worker."""
    options, store = request.options, library.store()
    report(STAGES["bundle"][0], 0, 1)
    if not store.exists("uploads", options["upload"]):
        raise InputError(f"the uploaded file {options['filename']!r} is no longer here; upload it again")
    try:
        with store.local("uploads", options["upload"]) as path:
            result = read(path, options["filename"])
            if kept := read_units(path, options["filename"], result):
                units.write(folder, kept)
            return result
    finally:
        store.remove("uploads", options["upload"])


def _limit(name: str) -> int:
    return {ARRAYS: ARRAY_BYTES, units.FILE: bundled_units.BYTES}.get(name) or library.upload_limit()


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
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            return {array: stored[array] for array in stored.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, MemoryError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"the arrays in {name!r} cannot be read ({str(error)[:80]})") from None


def _consistent(result: PathResult, name: str) -> PathResult:
    """Curves over one t from 0 to 1, a known method, clouds that can be drawn. Raises InputError."""
    profiles, t = (result.naive, result.aligned, *([result.curve.profile] if result.curve else [])), result.naive.t
    if not rising(result.naive) or not all(measured(profile, t) for profile in profiles):
        raise InputError(f"the curves in {name!r} are not losses and accuracies along one path")
    if result.alignment.method not in METHODS:
        raise InputError(f"{name!r} was made by the method {result.alignment.method[:40]!r}, which is not known here")
    title = METHODS[result.alignment.method].title
    try:
        for cloud in result.clouds.values():
            explore_figure(result.naive, result.aligned, cloud, method_title=title).to_json()
        for group in result.matching:
            matching_figure(result.matching, group).to_json()
        if result.layers:
            layers_figure(result.layers).to_json()
    except Exception as error:  # drawing is the test: whatever cannot be drawn is not kept
        raise InputError(f"what {name!r} holds cannot be drawn ({type(error).__name__})") from error
    return result


def _tidy(result: PathResult, name: str) -> PathResult:
    """What a bundle says of itself and we can say ourselves is said by us."""
    title = METHODS[result.alignment.method].title
    found = finding(
        result.naive,
        result.aligned,
        method_title=title,
        recalibrated=result.aligned.recalibrate,
        classes=max(len(result.data.classes), 2),
    )
    return replace(
        result,
        models=(anonymous(result.models[0]), anonymous(result.models[1])),
        alignment=replace(result.alignment, title=title),
        finding=found.text,
        notes=(f"From the bundle {name}; nothing of it was computed on this server.", *result.notes),
    )
