"""docs/gpu.md, written from results, so that no number in it is typed by hand.

python -m benchmarks.gpu.page benchmarks/results/gpu-{h200,h200-more,h100}.json
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.gpu.equality import REASONS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "gpu.md"

Row = dict[str, Any]

HEAD = """# On a GPU

What the library computes on a CUDA card beside what it computes on a CPU. Every number below is written by
`python -m benchmarks.gpu.page` from the files named here, which `python -m benchmarks.gpu --out FILE.json --minutes 8`
made; each file also describes its machine. Where several runs have measured the same, the newest verdict and the timing
of the most calls count.
"""

SAME = """## The same answers

Each row computes something twice, on the CPU and on the card, from the same shipped networks and examples, and compares
all that comes out. *Same*: within tolerance. *As good*: other couplings of the same objective. Tolerances, relative to
the largest entry of an array:
"""

READING = """The LSTMs differ in float32 because of torch 2.11, which the machine has: it describes the states of an
LSTM by a shape of its own, so that the rule for LSTMs steps back, and what it is then taken apart into on the CPU in
float32 has no rule either. So no group was found there, and in float32 the alignments of LSTMs had nothing to match. On
the card, and in float64, the LSTM comes apart into operations that have rules, and `digits-lstm` agrees everywhere.
`requirements.txt` names torch 2.13, with which the rule applies. *Wider, REPAIR, temperature* stands on plans
between groups of unequal size, and in float32 the card found other ones; in float64 all plans that were reached agree,
so rounding is the likely reason, but for the ResNet that was not reached.
"""

PRECISION = """## float32 means float32

By itself PyTorch lets a card's convolutions and recurrences use TF32, which keeps ten bits of each factor. The library
does not (`lmc_core/networks/precision.py`). Largest errors of outputs against float64 on the CPU, relative to the
largest output, of a plain call of the module with TF32 and without, and of the library with TF32 allowed outside:
"""

SPEED = """## How many times faster

Seconds of one call after a first one that traces, the best of up to three; `<` where time left room for the first call
only, which includes tracing. All cores of the CPU take part. Networks of random weights, so that there is as much to do
on one device as on the other. *Plain loop* is what one would write by hand: a state per t, `functional_call` per batch.
Assignments are solved on the CPU on either device. The last rows of a shape compute eight points of a path on one batch
of at most so many rows, one after the other or stacked by `vmap`: stacking convolutions pays where a batch is too small
to fill the card and costs where it is not. `evaluate` takes batches that fill it, and so stacks only networks without
convolutions.
"""

ZOO = """## Trained on the card

ResNet-20 on a part of CIFAR-10, two seeds per row, all pairs in parallel on one card for as many epochs as the minutes
allowed: far too few to compare with published numbers, enough to see training, alignment and recalibration work there.
Barriers of test loss.
"""


def written(files: Sequence[Path]) -> str:
    """The page, from results in the order in which they were made."""
    runs = [json.loads(file.read_text()) for file in files]
    parts = [
        HEAD,
        table(("file", "card", "processor", "cores", "torch", "CUDA", "date", "seconds"), _machines(files, runs)),
    ]
    parts += [SAME, "\n".join(f"- {reason}" for reason in REASONS), *_same(runs)]
    parts += [PRECISION, table(("network", "TF32", "float32", "the library"), _precision(runs))]
    parts += [SPEED, table(("shape", "examples per split", "work", "CPU, s", "GPU, s", "times faster"), _speed(runs))]
    parts += [ZOO, table(("pair", "epochs", "test accuracy", "path", "barrier", "recalibrated"), _zoo(runs))]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _machines(files: Sequence[Path], runs: Sequence[Row]) -> Iterator[Sequence[object]]:
    for file, run in zip(files, runs, strict=True):
        m = run["machine"]
        yield (f"`{file.as_posix()}`", m["card"], m["processor"], m["cores"], m["torch"], m.get("cuda", "–"), m["date"],
               f"{run['seconds']:.0f}")  # fmt: skip


def _same(runs: Sequence[Row]) -> Iterator[str]:
    """How often which verdict, and every row that is not "same"."""
    newest: dict[tuple[str, str, str], Row] = {}
    for row in (row for run in runs for row in run.get("equality", ()) if "verdict" in row):
        place = (row["subject"], row["type"], row["name"])
        if row["verdict"] != "out of time" or place not in newest:
            newest[place] = row
    words = ("same", "as good", "differs", "failed", "out of time", "does not apply", "not reached")
    counted: dict[tuple[str, str], Counter[str]] = {}
    for (subject, kind, _), row in newest.items():
        counted.setdefault((subject, kind), Counter())[row["verdict"]] += 1
    most = max(verdicts.total() for verdicts in counted.values())
    for verdicts in counted.values():
        verdicts["not reached"] = most - verdicts.total()
    total = sum(counted.values(), Counter())
    lines = [(*place, *(verdicts[word] or "–" for word in words)) for place, verdicts in counted.items()]
    yield table(("network", "type", *words), [*lines, ("all", "", *(total[word] or "–" for word in words))])
    odd = [row for row in newest.values() if row["verdict"] in ("as good", "differs", "failed")]
    yield table(("network", "type", "computed", "verdict", "largest difference"), map(_odd, odd))
    yield READING


def _odd(row: Row) -> Sequence[object]:
    said = row.get("error") or ", ".join(f"{name} {size}" for name, (size, _) in row["differences"].items())
    return row["subject"], row["type"], row["name"], row["verdict"], said.replace("|", "/")


def _precision(runs: Sequence[Row]) -> Iterator[Sequence[object]]:
    for row in (row for run in runs for row in run.get("precision", ()) if "tf32" in row):
        tf32, full = row["tf32"], row["float32"]
        yield row["subject"], tf32["outputs"], full["outputs"], tf32["through_library"]


def _speed(runs: Sequence[Row]) -> Iterator[Sequence[object]]:
    best: dict[tuple[str, str], Row] = {}
    for row in (row for run in runs for row in run.get("speed", ()) if _measured(row)):
        place = (row["shape"], row["work"])
        if place not in best or row["gpu"]["calls"] > best[place]["gpu"]["calls"]:
            best[place] = row
    for (shape, work), row in best.items():
        cpu, gpu = row["cpu"], row["gpu"]
        bounds = ["< " if timing["calls"] == 1 else "" for timing in (cpu, gpu)]
        ratio = f"{cpu['seconds'] / gpu['seconds']:.1f}"
        said = ratio if not any(bounds) else f"about {ratio}" if all(bounds) else f"{'<' if bounds[0] else '>'} {ratio}"
        yield shape, row["examples"], work, f"{bounds[0]}{cpu['seconds']:.3g}", f"{bounds[1]}{gpu['seconds']:.3g}", said


def _measured(row: Row) -> bool:
    return all("seconds" in row.get(device, ()) for device in ("cpu", "gpu"))


def _zoo(runs: Sequence[Row]) -> Iterator[Sequence[object]]:
    for row in (row for run in runs for row in run.get("zoo", ())):
        if "barriers" not in row:
            yield row.get("pair", "–"), "–", "–", row.get("left_out", row.get("failed", "")), "–", "–"
            continue
        plain = {way: barrier for way, barrier in row["barriers"].items() if "," not in way}
        for way, barrier in plain.items():
            put_right, told = next((w, b) for w, b in row["barriers"].items() if w.startswith(f"{way}, "))
            yield (row["pair"], row["epochs"][0], " / ".join(f"{a:.1%}" for a in row["accuracy"]), way,
                   f"{barrier['loss']:.2f}", f"{told['loss']:.2f} ({put_right.split(', ')[1]})")  # fmt: skip


if __name__ == "__main__":
    PAGE.write_text(written([Path(name) for name in sys.argv[1:]]))
