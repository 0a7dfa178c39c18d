"""`python -m benchmarks.gpu --out FILE.json --minutes 8`"""

from __future__ import annotations

import argparse
import traceback
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.gpu import equality, precision, speed, zoo
from benchmarks.gpu.record import Budget, Record
from benchmarks.gpu.subjects import SHAPES

SHARES = {"precision": 1, "equality": 3, "speed": 5, "zoo": 5}
"""How the minutes are divided; what a section leaves goes to those after it."""


def main() -> None:
    asked = _arguments()
    if asked.device.startswith("cuda") and not torch.cuda.is_available():
        raise SystemExit("there is no CUDA device here; --device cpu tries the script out")
    record = Record(asked.out, asked.minutes, asked.device)
    networks = asked.networks or asked.out.parent / "networks"
    sections: dict[str, Callable[[Budget], None]] = {
        "precision": lambda b: precision.main(record, b, asked.device, asked.data),
        "equality": lambda b: equality.main(record, b, asked.device, asked.data, asked.subjects),
        "speed": lambda b: speed.main(record, b, asked.device, asked.shapes),
        "zoo": lambda b: zoo.main(record, b, asked.device, asked.data, networks, asked.quick),
    }
    chosen = [name for name in sections if name in (asked.sections or sections)]
    for number, name in enumerate(chosen):
        with record.section(SHARES[name] / sum(SHARES[later] for later in chosen[number:])) as budget:
            try:
                sections[name](budget)
            except Exception:  # noqa: BLE001 - the other sections still count
                record.add("errors", {"section": name, "error": traceback.format_exc()[-1500:]})
    record.finish()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description="A GPU against the CPU.")
    parser.add_argument("--out", type=Path, required=True, help="the JSON file; trained networks are kept beside it")
    parser.add_argument("--minutes", type=float, default=8.0, help="after which everything ends")
    parser.add_argument("--device", default="cuda", help="what is compared with the CPU")
    parser.add_argument("--data", type=Path, help="a folder with cifar10.npz and mnist.npz; else data sets by name")
    parser.add_argument("--networks", type=Path, help="where the zoo is kept")
    parser.add_argument("--sections", nargs="*", choices=SHARES, help="only these")
    parser.add_argument("--subjects", nargs="*", help="shipped networks whose answers are compared; else all")
    parser.add_argument("--shapes", nargs="*", choices=SHAPES, help="what is timed; else all")
    parser.add_argument("--quick", action="store_true", help="small subjects only")
    asked = parser.parse_args()
    if asked.quick:
        asked.subjects = asked.subjects or [folder for folder, _ in equality.PLAN[:5]]
        asked.shapes = asked.shapes or list(SHAPES)[:2]
    return asked


if __name__ == "__main__":
    main()
