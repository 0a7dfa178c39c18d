"""A small home with a run of every kind, really computed, packed for tests of what later versions must still open.

    python -m benchmarks stored tests/golden/store_v2.tar.gz

Beside the store and its index the archive holds expected.json: what the web API says of every run today.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sqlite3
import sys
import tarfile
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from benchmarks.recorded import timeless
from lmc_core import runs
from lmc_core.runs import Request
from lmc_core.runs.library import data as datasets
from lmc_core.runs.library import models as library
from lmc_core.runs.share import bundle

A, B = "digits-mlp-32/seed0", "digits-mlp-32/seed1"
WIDER = "digits-mlp-128/seed0"
SMALL = {"data": "digits", "train_examples": 50}
PAIR = {"a": A, "b": B, **SMALL, "method": "weight-matching", "settings": {"restarts": 1}}
TAGS = ("small digits", "first")
KEPT = ("store", "runs.db", "expected.json")
WITH_CARDS = 3  # runs whose previews stay in the archive
PATIENCE = 600.0  # seconds for one run


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks stored", description=__doc__.split("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("file", type=Path, help="where the archive goes, .tar.gz")
    target = parser.parse_args(words).file.resolve()
    os.chdir(Path(__file__).parents[1])
    with tempfile.TemporaryDirectory(prefix="lmc-stored-") as home:
        for name in [name for name in os.environ if name.startswith("LMC_")]:
            del os.environ[name]
        os.environ |= {
            "LMC_HOME": home,
            "LMC_CHECKPOINTS": "checkpoints",
            "LMC_DEVICE": "cpu",
            "LMC_WORKER_THREADS": "1",
        }
        owners = fill()
        for run in list(owners)[WITH_CARDS:]:  # large; what is not there is drawn anew, as of runs from before cards
            (Path(home) / "store" / "runs" / run / "card.png").unlink(missing_ok=True)
        expected = {run: told(run, owner) for run, owner in owners.items()}
        (Path(home) / "expected.json").write_text(json.dumps(expected, indent=1, sort_keys=True))
        _settle(Path(home) / "runs.db")
        _pack(Path(home), target)
    print(f"{len(expected)} runs, {target.stat().st_size / 1000:.0f} kB")


def fill() -> dict[str, str]:
    """Ask for everything and wait for it; run → its owner."""
    owners: dict[str, str] = {}

    def done(run: str, owner: str, *, state: str = "done") -> str:
        status = _waited(run)
        if status.state != state:
            raise SystemExit(f"{status.kind} {status.title!r} is {status.state}: {status.reason}")
        print(f"{status.kind}: {status.state}, {status.elapsed:.1f} s", file=sys.stderr)
        owners[run] = owner
        return run

    def asked(request: Request, owner: str, *, state: str = "done") -> str:
        return done(runs.submit(request, owner), owner, state=state)

    runs.start()
    try:
        path = asked(Request.of("path", **PAIR, points=5), "ann")
        runs.publish(path, "ann", True, TAGS)
        curve = {"kind": "bezier", "bends": 1, "epochs": 2}
        asked(Request.of("path", **PAIR, points=3, curve=curve), "bob")
        fused = asked(Request.of("fuse", models=[A, B], **SMALL, points=3, finetune=1), "ann")
        asked(Request.of("fuse", models=[A, WIDER], **SMALL, points=3, widths=16, method="ot-fusion"), "bob")
        two = ["identity", "weight-matching"]
        asked(Request.of("compare", models=[A, B, WIDER], **SMALL, methods=two, points=3), "ann")
        asked(Request.of("plane", **PAIR, grid=5), "ann")
        asked(Request.of("theory", **PAIR), "ann")
        asked(Request.of("width", method="weight-matching", settings={"restarts": 1}, train_examples=50), "ann")
        asked(Request.of("projection", run=path, group="fc1"), "bob")
        uploaded = asked(library.add("my net.pth", _renamed(), data="digits", owner="ann"), "ann")
        private = runs.status(uploaded).model
        assert private is not None
        asked(Request.of("path", **{**PAIR, "b": private}, points=3), "ann")
        asked(datasets.add("my digits.npz", _examples(), owner="bob"), "bob")
        for request in bundle.add("from afar.zip", bundle.export(fused), owner="bob"):
            asked(request, "bob")
        asked(library.add("noise.safetensors", b"\0" * 1000, owner="bob"), "bob", state="failed")
    finally:
        runs.stop()
    stopped = runs.submit(Request.of("path", **PAIR, points=7), "bob")
    runs.cancel(stopped, "bob")
    done(stopped, "bob", state="cancelled")
    owners[runs.submit(Request.of("path", **PAIR, points=9), "ann")] = "ann"
    return owners


def told(run: str, owner: str) -> dict[str, Any]:
    """What the web API says of a run to everybody and to its owner, without times."""
    status = runs.status(run)
    names = ("kind", "state", "title", "reason", "finding", "listed", "tags", "model", "stage", "position")
    found: dict[str, Any] = {name: getattr(status, name) for name in names}
    found |= {"owner": owner, "owned": runs.owned(run, owner), "wanted": runs.wanted(run, owner)}
    found |= {"request": runs.request(run).json, "files": sorted(runs.artifacts(run))}
    found["seen"] = {who or "anybody": _listed(run, who) for who in (None, "ann", "bob")}
    if status.state == "done":
        found["result"] = timeless(runs.result(run).json)
        found["pictures"] = {
            name: picture for name in ("thumbnail.svg", "card.png") if (picture := _picture(run, name))
        }
    if status.kind == "inspect" and status.model:
        found["card"] = {name: value for name, value in vars(library.card(status.model)).items() if name != "path"}
    if status.kind == "data" and status.model:
        found["card"] = dict(vars(datasets.card(status.model)))
    return json.loads(json.dumps(found, default=_plain))


def _listed(run: str, owner: str | None) -> bool:
    return any(now.id == run for now in runs.recent(200, kind=None, owner=owner))


def _picture(run: str, name: str) -> str:
    """The first bytes of a picture, which tell its format; empty where there is none."""
    from lmc_core.errors import LMCError

    try:
        return runs.picture(run, name)[:4].decode("latin-1")
    except LMCError:
        return ""


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return value.tolist() if hasattr(value, "tolist") else list(value)


def _waited(run: str) -> runs.RunStatus:
    end = time.monotonic() + PATIENCE
    while not (status := runs.status(run)).finished:
        if time.monotonic() > end:
            raise SystemExit(f"{status.title} takes too long")
        time.sleep(0.05)
    return status


def _renamed() -> bytes:
    """A shipped network as somebody else would have saved it."""
    buffer = io.BytesIO()
    tensors = load_file(library.card(A).path)
    torch.save({"epoch": 3, "state_dict": {f"module.{name}": 0.5 * x for name, x in tensors.items()}}, buffer)
    return buffer.getvalue()


def _examples() -> bytes:
    rng = np.random.default_rng(0)
    x, y = rng.random((30, 8, 8)).astype(np.float32), np.arange(30) % 10
    buffer = io.BytesIO()
    np.savez(buffer, x_train=x[:20], y_train=y[:20], x_test=x[20:], y_test=y[20:])
    return buffer.getvalue()


def _settle(database: Path) -> None:
    """Bring what SQLite holds beside its file into the file, and take the names of machines out."""
    connection = sqlite3.connect(database)
    connection.execute("UPDATE runs SET server = 'the first server' WHERE server != ''")
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("VACUUM")
    connection.close()


def _pack(home: Path, target: Path) -> None:
    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return entry

    with tarfile.open(target, "w:gz") as archive:
        for name in KEPT:
            archive.add(home / name, name, filter=plain)


if __name__ == "__main__":
    main(sys.argv[1:])
