"""Published architectures, small and with random weights: how many are traced, verified and restored.

python -m benchmarks models                       all of them, then docs/models.md
python -m benchmarks models --only swin timm/vit  those with such a word in their name; the page stays as it is
python -m benchmarks models --again               measures also what the record holds already

Needs requirements-models.txt; nothing is downloaded. The record (--record) holds one line per architecture, so that
what was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.models.architecture import Architecture

RECORD = Path(__file__).resolve().parents[1] / "results" / "models.jsonl"


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks models", description=__doc__.split("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--only", nargs="+", default=[""], metavar="TEXT", help="what has one of these in its name")
    parser.add_argument("--again", action="store_true", help="measure also what the record holds")
    parser.add_argument("--page", action="store_true", help="write the page after a part too")
    parser.add_argument("--failed", action="store_true", help="measure again what did not succeed")
    parser.add_argument("--seconds", type=float, default=180.0, help="limit for one architecture (default: 180)")
    parser.add_argument("--record", type=Path, default=RECORD, metavar="FILE", help="one JSON line per architecture")
    asked = parser.parse_args(words)
    known = recorded(asked.record)
    meant = [a for a in architectures() if any(text in a.title for text in asked.only)]
    due = [a for a in meant if asked.again or a.title not in known or (asked.failed and not good(known[a.title]))]
    if due:
        _import()
    from benchmarks.models.measure import measured

    for number, architecture in enumerate(due, 1):
        row = measured(architecture, asked.seconds)
        known[row["name"]] = row
        with asked.record.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(f"{number}/{len(due)} {_line(row)}", flush=True)
    if asked.only == [""] or asked.page:
        from benchmarks.models.page import PAGE, written

        titles = [a.title for a in architectures()]
        rows = [known[title] for title in titles if title in known]
        asked.record.write_text("".join(json.dumps(row) + "\n" for row in rows))  # the last row of each, in order
        PAGE.write_text(written(rows, len(titles) - len(rows)))
        print(PAGE.read_text().split("\n\n")[1])


def architectures() -> Iterator[Architecture]:
    """All, in the order of the page."""
    from benchmarks.models import others, texts, vision

    for module in (vision, texts, others):
        yield from module.architectures()


def recorded(path: Path) -> dict[str, dict[str, Any]]:
    """Name → the last row of it in a record; empty if there is none yet."""
    lines = path.read_text().splitlines() if path.exists() else []
    return {row["name"]: row for row in map(json.loads, lines)}


def good(row: dict[str, Any]) -> bool:
    """Whether an architecture was traced, its function kept, and all of the planted copy restored."""
    kept = row["error"] is not None and row["error"] <= row["tolerance"]
    return row["traced"] and kept and row["restored"] in (None, 1.0) and not row["fault"]


def _import() -> None:
    """Load the packages once, so that the process of every architecture has them already."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from benchmarks.models.absent import without_torchvision

    without_torchvision()
    try:
        import diffusers
        import segmentation_models_pytorch
        import timm
        import transformers
        import x_transformers
    except ImportError as missing:
        sys.exit(f"{missing}; install them: pip install -r requirements-models.txt")
    import torch
    import torch.export._trace

    transformers.logging.set_verbosity_error()
    diffusers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    assert all((segmentation_models_pytorch, timm, x_transformers))


def _line(row: dict[str, Any]) -> str:
    restored = "-" if row["restored"] is None else f"{row['restored']:.2%}"
    return (
        f"{row['name']}: {'good' if good(row) else 'NOT GOOD'}, {row['groups']} groups, {row['dropped']} dropped, "
        f"error {row['error']}, restored {restored}, {row['seconds']:.1f} s {row['fault']}"
    )
