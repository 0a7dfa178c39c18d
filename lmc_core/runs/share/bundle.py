"""Runs as files that travel: exported here, and brought here from elsewhere."""

from __future__ import annotations

import io
import json
import zipfile
from contextlib import suppress
from pathlib import Path

from lmc_core.errors import InputError
from lmc_core.runs.keep import opened, units
from lmc_core.runs.keep.store import ARRAYS, RESULT, as_files
from lmc_core.runs.kinds.path import PathResult
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library import bundle, layers, models, uploads
from lmc_core.runs.library.bundle import (
    ABOUT,
    ALIGNED,
    FORMAT,
    FUSED,
    LETTERS,
    MODELS,
    REQUEST,
    SUFFIX,
    VERSION,
    Bundled,
)
from lmc_core.runs.library.limits import ANYBODY
from lmc_core.runs.values.names import plain_filename


def export(run: str, *, networks: bool = False) -> bytes:
    """The bundle of a finished run.

    networks   take them along; those that are no longer in the library are left out

    Raises RunError or InputError if the run has no stored analysis.
    """
    result, store = opened().result(run), opened().store
    if not isinstance(result, Bundled):
        raise InputError(f"run {run} only read a file; analyses are made into bundles")
    keeper, whole = layers.whole(run, result) if isinstance(result, PathResult) else (run, result)
    parts = {} if keeper == run else as_files(whole)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        about = {"format": FORMAT, "version": VERSION, "run": run, "title": result.title}
        archive.writestr(ABOUT, json.dumps(about, indent=1))
        archive.writestr(REQUEST, json.dumps(dict(result.request), indent=1, default=list))
        for name in (RESULT, ARRAYS, *ALIGNED, *FUSED):
            if name in parts or store.exists("runs", run, name):
                archive.writestr(name, parts[name] if name in parts else store.artifact(run, name))
        if store.exists("runs", keeper, units.FILE):
            with suppress(InputError):  # units of networks that are not finite stay at home, others would refuse them
                content = store.artifact(keeper, units.FILE)
                bundle.checked_units(content, whole, units.FILE)
                archive.writestr(units.FILE, content)
        for letter, card in zip(LETTERS, result.models if networks else (), strict=False):
            with suppress(InputError):
                known = models.card(card.id)
                if known.fingerprint == card.fingerprint:
                    with models.weights(known) as path:
                        archive.write(path, f"{letter}{path.suffix}")
    return target.getvalue()


def add(filename: str, content: uploads.Content, *, owner: str = ANYBODY) -> tuple[Request, ...]:
    """Keep a bundle, and the networks in it as private uploads; the requests to read these and, last, to check it.

    Raises InputError if it is no bundle at all, CheckpointError if it is too large.
    """
    name = plain_filename(filename)
    if not name.lower().endswith(SUFFIX):
        raise InputError(f"{name!r} is not a bundle; it must end in {SUFFIX}")
    source = io.BytesIO(content) if isinstance(content, bytes) else content
    inside: list[Request] = []
    with bundle.opened_zip(source, name) as archive:
        for entry in (entry for entry in archive.namelist() if entry in (*FUSED, *MODELS)):
            with archive.open(entry) as file:
                inside.append(models.add(f"{Path(name).stem} {entry}", file, owner=owner))  # type: ignore[arg-type]
    if not isinstance(source, Path):
        source.seek(0)
    return *inside, uploads.accept(
        name, source, lambda digest: Request.of("bundle", upload=digest, filename=name), owner
    )
