"""`python -m benchmarks.gpu --out FILE.json --minutes 8`"""

from __future__ import annotations

import argparse
import traceback
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.gpu import equality, precision, speed, zoo
from benchmarks.gpu.record import Budget, Record

SHARES = {"precision": 0.08, "equality": 0.3, "speed": 0.42, "zoo": 1.0}
"""Of the minutes, the most that a section may take; the last takes what is left."""


def main() -> None:
    asked = _arguments()
    if asked.device.startswith("cuda") and not torch.cuda.is_available():
        raise SystemExit("there is no CUDA device here; --device cpu tries the script out")
    record = Record(asked.out, asked.minutes, asked.device)
    networks = asked.networks or asked.out.parent / "networks"
    sections: dict[str, Callable[[Budget], None]] = {
        "precision": lambda b: precision.main(record, b, asked.device, asked.data),
        "equality": lambda b: equality.main(record, b, asked.device, asked.data, asked.quick),
        "speed": lambda b: speed.main(record, b, asked.device, asked.quick),
        "zoo": lambda b: zoo.main(record, b, asked.device, asked.data, networks, asked.quick),
    }
    for name in [name for name in sections if name in (asked.sections or sections)]:
        with record.section(60 * asked.minutes * SHARES[name]) as budget:
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
    parser.add_argument("--quick", action="store_true", help="small subjects only")
    return parser.parse_args()


if __name__ == "__main__":
    main()
