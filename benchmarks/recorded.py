"""What the program answers today, written to a file, and every difference of a later answer from it.

    python -m benchmarks recorded --write benchmarks/recorded/answers.json.gz
    python -m benchmarks recorded --against benchmarks/recorded/answers.json.gz

One process and one thread, so that two recordings by the same program on the same machine are equal to the last digit.
Only public surfaces are asked: the command line, the web API, the server's routes and the addresses of its pages.
Times and versions of packages are left out. LMC_DATA must hold MNIST and CIFAR-10.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import io
import json
import math
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from benchmarks.cases import REFUSED, cases, prepare

DROPPED = ("seconds", "versions")
OUT = Path("out.safetensors")
ROOT = Path(__file__).resolve().parents[1]


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks recorded", description=__doc__.split("\n")[0])  # type: ignore[union-attr]
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", metavar="FILE", type=Path, help="record into this file, .json.gz; with --only, a part")
    what.add_argument("--against", metavar="FILE", type=Path, help="record, and print what differs from this file")
    parser.add_argument("--relative", type=float, default=1e-6, help="tolerance of floats (default: 1e-6)")
    parser.add_argument("--only", nargs="+", default=[""], metavar="TEXT", help="what has one of these in its name")
    asked = parser.parse_args(words)
    known = asked.against or (asked.write if asked.write.exists() and asked.only != [""] else None)
    before = json.loads(gzip.decompress(known.read_bytes())) if known else {}
    found = observe(asked.only)
    if asked.write:
        found = before | found
        text = json.dumps(found, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        asked.write.write_bytes(gzip.compress(text.encode(), mtime=0))
        print(f"{len(found)} answers, {asked.write.stat().st_size / 1000:.0f} kB")
        return
    before = {name: answer for name, answer in before.items() if _meant(name, asked.only)}
    differing = list(differences(before, found, asked.relative))
    for where, old, new in differing:
        print(f"{where}\n  was {_shown(old)}\n  is  {_shown(new)}")
    print(f"{len(found)} answers, {len(differing)} differences")
    sys.exit(1 if differing else 0)


def _meant(name: str, only: Iterable[str]) -> bool:
    return any(text in name for text in only)


def observe(only: Iterable[str] = ("",)) -> dict[str, Any]:
    """Name → answer, of everything whose name has one of `only` in it."""
    from benchmarks.surfaces import surfaces

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    asked: dict[str, Callable[[], Any]] = {name: lambda words=words: _answer(words) for name, words in cases()}  # type: ignore[misc]
    asked |= {f"refused: {' '.join(words)}": lambda words=words: _answer(words) for words in REFUSED}  # type: ignore[misc]
    asked |= surfaces()
    asked = {name: ask for name, ask in asked.items() if _meant(name, only)}
    found = {}
    with _a_place_of_its_own() as folder:
        prepare(folder)
        for number, (name, ask) in enumerate(asked.items(), 1):
            start = time.monotonic()
            found[name] = ask()
            print(f"{number}/{len(asked)} {name}: {time.monotonic() - start:.1f} s", file=sys.stderr, flush=True)
    return found


@contextlib.contextmanager
def _a_place_of_its_own() -> Iterator[Path]:
    """A new working directory and a new home, so that nothing on this machine is seen but LMC_DATA."""
    here, before = os.getcwd(), dict(os.environ)
    if "LMC_DATA" in before:
        os.environ["LMC_DATA"] = os.pathsep.join(
            str(Path(folder).resolve()) for folder in before["LMC_DATA"].split(os.pathsep)
        )
    for name in before:
        if name.startswith("LMC_") and name != "LMC_DATA":
            del os.environ[name]
    try:
        with tempfile.TemporaryDirectory(prefix="lmc-recorded-") as name, tempfile.TemporaryDirectory() as home:
            os.environ |= {"LMC_HOME": home, "COLUMNS": "120"}
            os.chdir(name)
            yield Path(name)
    finally:
        os.chdir(here)
        os.environ.clear()
        os.environ |= before


def _answer(words: list[str]) -> dict[str, Any]:
    """Exit status with what was printed: the object, the text, or the sentence of the refusal."""
    from lmc_core.cli import main as command

    OUT.unlink(missing_ok=True)
    printed, complained = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complained):
        try:
            status: int | str = command(words)
        except Exception as fault:  # noqa: BLE001 - a fault of the program is an answer too
            status = f"{type(fault).__name__}: {fault}"
    if status != 0:
        return {"status": status, "said": _placeless(complained.getvalue().strip())}
    if "--json" not in words:
        lines = _placeless(printed.getvalue()).splitlines()
        lines = [_uncounted(line) for line in lines] if words[0] == "compare" else lines
        return {"status": status, "text": [line for line in lines if not line.startswith(DROPPED)]}
    answer: dict[str, Any] = {"status": status, "json": timeless(json.loads(_placeless(printed.getvalue())))}
    return answer | ({"tensors": _sketch(OUT)} if OUT.exists() else {})


def _placeless(text: str) -> str:
    """The same without the folders of this machine."""
    for folder in (os.getcwd(), os.environ["LMC_HOME"], str(ROOT)):
        text = text.replace(folder, "…")
    return text


def _uncounted(line: str) -> str:
    """A row of a table whose last number with two decimals is of seconds, without it and what it pushes aside."""
    if "  " not in line.strip():
        return line
    words = line.split()
    counted = [number for number, word in enumerate(words) if re.fullmatch(r"\d+\.\d\d", word)]
    return " ".join("s" if number in counted[-1:] else word for number, word in enumerate(words))


def _sketch(file: Path) -> dict[str, float]:
    """One number per tensor of a network, which every value and its place has a part in."""
    found = {}
    for name, tensor in load_file(file).items():
        flat = tensor.double().flatten()
        found[name] = float(flat @ torch.cos(torch.arange(len(flat), dtype=torch.float64)))
    return found


def timeless(value: Any) -> Any:
    """The same without times and versions."""
    if isinstance(value, Mapping):
        return {key: timeless(item) for key, item in value.items() if key not in DROPPED}
    return [timeless(item) for item in value] if isinstance(value, list) else value


def differences(old: Any, new: Any, relative: float, where: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(place, old, new) of everything that is not the same: floats within a relative tolerance, all else exactly."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from differences(old.get(key, ...), new.get(key, ...), relative, f"{where} › {key}" if where else key)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from differences(one, other, relative, f"{where}[{number}]")
    elif isinstance(old, float) and isinstance(new, float):
        if not math.isclose(old, new, rel_tol=relative):
            yield where, old, new
    elif type(old) is not type(new) or old != new:
        yield where, old, new


def _shown(value: Any) -> str:
    text = "nothing" if value is ... else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 400 else f"{text[:400]}…"


if __name__ == "__main__":
    main(sys.argv[1:])
