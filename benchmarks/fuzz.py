"""Every reader of what strangers send, fed with damaged and invented input: a sentence of ours, or it reads.

    python -m benchmarks fuzz --minutes 10
    python -m benchmarks fuzz --inputs 100000 --only bundle npz --seed 7
    python -m benchmarks fuzz --record docs/fuzz.md

Each input is made from a good one by a few random changes, inside the members of zip files too. Whatever is raised that
is not an error of this program is counted as a fault, and printed with the seed that makes it again.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import sys
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lmc_core.errors import LMCError

ROOT = Path(__file__).resolve().parents[1]
ODD = (b"\x00", b"\xff", b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x00" * 8, b"\x01\x00")
WORDS = (
    *(
        "-1",
        "0",
        "1e309",
        "-inf",
        "nan",
        "null",
        "true",
        "[]",
        "{}",
        '""',
        "9" * 30,
        "\u0000",
        "\U0001f600",
        "../..",
        "*",
    ),
    *("(", ")", ",", ":", "·", "+", "⊕", "?", "=", "[", "]", '"', "\\", "digits", "path", "weight-matching", "*"),
)


@dataclass(frozen=True)
class Reader:
    """What is fed: `read` takes bytes; `seeds` makes good input; `what` says what it is."""

    read: Callable[[bytes], Any]
    seeds: Callable[[], list[bytes]]
    what: str
    text: bool = False


@dataclass
class Tally:
    """What became of the inputs of one reader."""

    read: int = 0
    refused: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def inputs(self) -> int:
        """All of them."""
        return self.read + self.refused + self.faults.total()


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks fuzz", description=__doc__.split("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--minutes", type=float, help="time for all readers together (default: 1)")
    parser.add_argument("--inputs", type=int, help="inputs of every reader, however long they take")
    parser.add_argument("--only", nargs="+", default=list(READERS), choices=list(READERS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", metavar="FILE", help="a million inputs in all, and a page with the table")
    asked = parser.parse_args(words)
    if asked.record is not None:
        sys.exit(record(Path(asked.record), asked.seed))
    seconds = None if asked.inputs and not asked.minutes else 60 * (asked.minutes or 1.0) / len(asked.only)
    print(f"{'reader':12}{'inputs':>10}{'read':>10}{'refused':>10}{'faults':>8}{'seconds':>9}")
    bad = 0
    for name in asked.only:
        tally = fuzz(name, seed=asked.seed, inputs=asked.inputs, seconds=seconds)
        bad += tally.faults.total()
        row = f"{name:12}{tally.inputs:10}{tally.read:10}{tally.refused:10}{tally.faults.total():8}{tally.seconds:9.1f}"
        print(row, flush=True)
        for fault, count in tally.faults.most_common():
            print(f"    {count} × {fault}: {tally.examples[fault]}")
    sys.exit(1 if bad else 0)


def record(page: Path, seed: int) -> int:
    """A million inputs, the table as a page. Status 1 if there is a fault, 0 if there is none."""
    start, rows, bad = time.perf_counter(), [], Counter[str]()
    for name, inputs in RECORDED.items():
        tally = fuzz(name, seed=seed, inputs=inputs)
        bad += Counter({f"{name}: {fault} ({tally.examples[fault]})": n for fault, n in tally.faults.items()})
        rows.append(f"| {name} | {READERS[name].what} | {tally.inputs:,} | {tally.read:,} | {tally.refused:,} | ")
        rows[-1] += f"{tally.faults.total()} | {tally.seconds:.0f} |"
        print(rows[-1], flush=True)
    total, minutes = sum(RECORDED.values()), (time.perf_counter() - start) / 60
    page.write_text(
        f"# Damaged input\n\n{total:,} inputs with seed {seed}, made from good ones by random changes, in "
        f"{minutes:.0f} minutes on one core. {bad.total()} of them raised what is not an error of this program.\n\n"
        "| Reader | What it reads | Inputs | Read | Refused in a sentence | Faults | Seconds |\n"
        "|---|---|--:|--:|--:|--:|--:|\n"
        + "\n".join(rows)
        + "\n\n"
        + "".join(f"- {each}\n" for each in bad)
        + "`python -m benchmarks fuzz --record docs/fuzz.md` writes this page; a seeded part of it runs with the "
        "tests. A reader refuses by an error of `lmc_core.errors`, whose text is what people see.\n"
    )
    return 1 if bad else 0


def fuzz(name: str, *, seed: int, inputs: int | None = None, seconds: float | None = None) -> Tally:
    """Feed one reader until so many inputs were made, or so many seconds have passed."""
    reader, tally, start = READERS[name], Tally(), time.perf_counter()
    seeds = reader.seeds()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in _numbers(inputs):
            if seconds is not None and time.perf_counter() - start > seconds:
                break
            rng = random.Random(f"{name} {seed} {number}")
            content = _text(rng, seeds) if reader.text else _binary(rng, seeds)
            try:
                reader.read(content)
                tally.read += 1
            except LMCError:
                tally.refused += 1
            except Exception as error:  # noqa: BLE001 what is looked for
                fault = f"{type(error).__name__}: {' '.join(str(error).split())[:80]}"
                tally.faults[fault] += 1
                tally.examples.setdefault(fault, f"--only {name} --seed {seed}, input {number}")
    tally.seconds = time.perf_counter() - start
    return tally


def _numbers(inputs: int | None) -> Iterator[int]:
    number = 0
    while inputs is None or number < inputs:
        yield number
        number += 1


def _binary(rng: random.Random, seeds: list[bytes]) -> bytes:
    """Good bytes with a few changes; of a zip file, as often inside one of its members."""
    content = rng.choice(seeds)
    if content[:2] == b"PK" and rng.random() < 0.6:
        return _inside(rng, content)
    return _changed(rng, content, seeds)


def _inside(rng: random.Random, content: bytes) -> bytes:
    """The zip file with one member changed, left out, doubled or renamed; its checksums are right."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(entry.filename, archive.read(entry)) for entry in archive.infolist()]
    place = rng.randrange(len(members))
    name, inner = members[place]
    match rng.randrange(6):
        case 0:
            del members[place]
        case 1:
            members.append((name, inner))
        case 2:
            members[place] = (rng.choice(members)[0], inner)
        case _:
            members[place] = (name, _changed(rng, inner, [inner]))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name, inner in members:
            archive.writestr(name, inner)
    return target.getvalue()


def _changed(rng: random.Random, content: bytes, others: list[bytes]) -> bytes:
    made = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at = rng.randrange(len(made) + 1) if rng.random() < 0.5 else min(rng.randrange(400), len(made))
        match rng.randrange(7):
            case 0:
                del made[at:]
            case 1:
                made[at : at + 1] = bytes([rng.randrange(256)])
            case 2:
                odd = rng.choice(ODD)
                made[at : at + len(odd)] = odd
            case 3:
                del made[at : at + rng.randrange(1, 64)]
            case 4:
                made[at:at] = made[at : at + rng.randrange(1, 64)]
            case 5:
                other = rng.choice(others)
                start = rng.randrange(len(other) + 1)
                made[at : at + 16] = other[start : start + 16]
            case 6:
                made[at:at] = rng.choice(WORDS).encode()
    return bytes(made)


def _text(rng: random.Random, seeds: list[bytes]) -> bytes:
    """Good text with words put in, taken out and moved."""
    made = rng.choice(seeds).decode()
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        at = rng.randrange(len(made) + 1)
        match rng.randrange(4):
            case 0:
                made = made[:at] + rng.choice(WORDS) + made[at:]
            case 1:
                made = made[:at] + made[at + rng.randrange(1, 12) :]
            case 2:
                made = made[:at] + chr(rng.choice((rng.randrange(32, 127), rng.randrange(1, 0xD800)))) + made[at + 1 :]
            case 3:
                other = rng.choice(seeds).decode()
                made = made[:at] + other[rng.randrange(len(other) + 1) :]
    return made.encode(errors="replace")


def _from_file(suffix: str, read: Callable[[Path], Any]) -> Callable[[bytes], Any]:
    """A reader of files as one of bytes."""

    def reader(content: bytes) -> Any:
        with tempfile.TemporaryDirectory(prefix="lmc-fuzz-") as folder:
            path = Path(folder) / f"input{suffix}"
            path.write_bytes(content)
            return read(path)

    return reader


def _checkpoint(path: Path) -> Any:
    from lmc_core.networks.checkpoint import load

    return load(path)


def _checkpoints() -> list[bytes]:
    import torch

    small = ROOT / "checkpoints" / "digits-mlp-32" / "seed0.safetensors"
    state = {"0.weight": torch.randn(8, 64), "0.bias": torch.zeros(8), "2.weight": torch.randn(10, 8)}
    made = [small.read_bytes()]
    for content in (state, {"state_dict": state, "epoch": 3}):
        for zipped in (True, False):
            target = io.BytesIO()
            torch.save(content, target, _use_new_zipfile_serialization=zipped)
            made.append(target.getvalue())
    return made


def _tensors() -> list[bytes]:
    from safetensors.torch import save

    shipped = [ROOT / "checkpoints" / name / "seed0.safetensors" for name in ("digits-mlp-32", "digits-vit")]
    import torch

    plain = {"conv.weight": torch.randn(4, 1, 3, 3), "fc.weight": torch.randn(10, 16), "fc.bias": torch.zeros(10)}
    return [*(path.read_bytes() for path in shipped), save(plain), save({"a": torch.zeros(2, dtype=torch.bfloat16)})]


def _program(path: Path) -> Any:
    """All that comes before torch is given a rebuilt program."""
    from lmc_core.networks.safety.limits import readable
    from lmc_core.networks.safety.programfile import read_program

    with readable(path, "a program"):
        return read_program(path)


def _programs() -> list[bytes]:
    """A module as torch.export.save writes it, and as we write it."""
    import torch
    from torch import nn

    from lmc_core.networks.network import network

    module, made = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 3)).eval(), io.BytesIO()
    inputs = (torch.randn(2, 1, 8, 8),)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(module, inputs, strict=False), made)
    with tempfile.TemporaryDirectory(prefix="lmc-fuzz-") as folder:
        network(module, inputs).export(Path(folder) / "ours.pt2")
        return [made.getvalue(), (Path(folder) / "ours.pt2").read_bytes()]


def _index(content: bytes) -> Any:
    """An index of shards, beside the shards it should name."""
    from lmc_core.networks.safety.shards import files_of

    with tempfile.TemporaryDirectory(prefix="lmc-fuzz-") as folder:
        index = Path(folder) / "model.safetensors.index.json"
        index.write_bytes(content)
        for number in (1, 2):
            (Path(folder) / f"model-{number:05}-of-00002.safetensors").write_bytes(b"{}")
        return files_of(folder)


def _indices() -> list[bytes]:
    where = {f"layers.{n}.weight": f"model-{1 + n % 2:05}-of-00002.safetensors" for n in range(6)}
    return [json.dumps({"metadata": {"total_size": 99}, "weight_map": where}).encode()]


def _npz(path: Path) -> Any:
    from lmc_core.data.arrays import load

    return load(path, 1 << 28)


def _arrays() -> list[bytes]:
    rng = np.random.default_rng(0)
    made = []
    for kind, save in ((np.float32, np.savez), (np.uint8, np.savez_compressed), (np.int64, np.savez)):
        x = (9 * rng.random((6, 4))).astype(kind)
        target = io.BytesIO()
        save(target, x_train=x, y_train=np.arange(6) % 3, x_test=x, y_test=np.arange(6) % 3)
        made.append(target.getvalue())
    return made


def _bundle(path: Path) -> Any:
    from lmc_core.runs.library.bundle import read

    return read(path, "run.zip")


def _bundles() -> list[bytes]:
    """The shipped analyses as bundles."""
    from lmc_core.runs.keep.store import Store
    from lmc_core.runs.library.bundle import ABOUT, FORMAT, REQUEST, VERSION

    made, store = [], Store(str(ROOT / "checkpoints" / "results"))
    for run in sorted(store.names("runs")):
        result = store.load(run)
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr(ABOUT, json.dumps({"format": FORMAT, "version": VERSION}))
            archive.writestr(REQUEST, json.dumps(dict(result.request), default=list))
            for name in ("run.json", "arrays.npz"):
                archive.writestr(name, store.artifact(run, name))
        made.append(target.getvalue())
    return made


def _request(content: bytes) -> Any:
    from lmc_core.runs.kinds.request import Request

    return Request.parse(content.decode(errors="replace"))


def _requests() -> list[bytes]:
    from lmc_core.runs.kinds import KINDS
    from lmc_core.runs.kinds.request import Request

    of_files = {"upload": "0" * 64, "filename": "a.pt"}
    given: Mapping[str, Mapping[str, Any]] = {
        "inspect": {**of_files, "arch": {"activation": "tanh"}, "normalize": [[0.5], [0.5]]},
        "data": of_files,
        "bundle": of_files,
        "projection": {"run": "0" * 16, "group": "fc1"},
        "layers": {"run": "0" * 16},
    }
    requests = [Request.of(name, **(kind.example or given.get(name, {}))) for name, kind in KINDS.items()]
    return [request.json.encode() for request in requests]


def _declared(content: bytes) -> Any:
    from lmc_core.symmetry.declare import declare

    return declare(_NETWORK[0], content.decode(errors="replace"))


_NETWORK: list[Any] = []


def _declarations() -> list[bytes]:
    from lmc_core.networks.checkpoint import load
    from lmc_core.symmetry.infer import symmetry

    _NETWORK[:] = [load(ROOT / "checkpoints" / "digits-mlp-32" / "seed0.safetensors")]
    inferred = symmetry(_NETWORK[0], verify=False).table()
    few = "fc1.weight (fc1:32, *)\nfc1.bias (fc1)\nfc2.weight (*, read fc1)\n*.bias (*)\nfc3.weight (a:4·b:8, fc2:32)"
    return [inferred.encode(), few.encode()]


def _normalisation(content: bytes) -> Any:
    from lmc_core.networks.values import parse_normalize, read_normalize

    return read_normalize(parse_normalize(content.decode(errors="replace")))


def _architecture(content: bytes) -> Any:
    """Options as `--arch` spells them, for a file that is there."""
    from lmc_core.commands.spelling import pairs
    from lmc_core.networks.checkpoint import load

    return load(ROOT / "checkpoints" / "digits-mlp-32" / "seed0.safetensors", arch=pairs(_words(content), "--arch"))


def _option(content: bytes) -> Any:
    """Options of every kind of run and of every method, as addresses and commands spell them."""
    from lmc_core.fusion import FUSIONS
    from lmc_core.methods import METHODS
    from lmc_core.runs.kinds import KINDS

    name, _, text = content.decode(errors="replace").partition("=")
    every = [
        *(option for kind in KINDS.values() for option in kind.options),
        *(option for method in (*METHODS.values(), *FUSIONS.values()) for option in method.parameters),
    ]
    return every[sum(name.encode(errors="replace")) % len(every)].parse(text)


def _sweep(content: bytes) -> Any:
    from lmc_core.runs.kinds.grid import requests

    return requests(content.decode(errors="replace"))


def _sweeps() -> list[bytes]:
    pairs = [["digits-mlp-32/seed0", "digits-mlp-32/seed1"]]
    methods = ["weight-matching", {"method": "frank-wolfe", "restarts": [1, 3]}]
    return [
        json.dumps({"pairs": pairs, "methods": methods, "data": ["digits"], "seeds": [0, 1], "points": 25}).encode(),
        json.dumps({"pairs": pairs, "train_examples": 1000, "recalibrate": "auto"}).encode(),
    ]


def _visitor(content: bytes) -> Any:
    from starlette.datastructures import Headers

    from lmc_core.runs.share.cookie import given

    return given(Headers(raw=[(b"cookie", content)]))


def _words(content: bytes) -> list[str]:
    return [line for line in content.decode(errors="replace").splitlines() if line]


def _settings(content: bytes) -> Any:
    from lmc_core.runs.settings import settings

    text = content.decode(errors="replace").replace("\0", "")  # no environment holds it
    pairs = (line.partition("=") for line in text.splitlines())
    return settings({name: value for name, _, value in pairs})


def _environments() -> list[bytes]:
    return [
        b"LMC_HOME=/tmp/x\nLMC_UPLOAD_MB=512\nLMC_QUEUE=64\nLMC_RUN_SECONDS=60\nLMC_DEVICE=cpu,cuda:0\nLMC_LOGIN=off"
    ]


READERS: Mapping[str, Reader] = {
    "checkpoint": Reader(_from_file(".pt", _checkpoint), _checkpoints, "checkpoints of torch.save, old and new"),
    "tensors": Reader(_from_file(".safetensors", _checkpoint), _tensors, "checkpoints of safetensors"),
    "program": Reader(_from_file(".pt2", _program), _programs, "exported programs, up to torch"),
    "index": Reader(_index, _indices, "indices of checkpoints in several files"),
    "npz": Reader(_from_file(".npz", _npz), _arrays, "data"),
    "bundle": Reader(_from_file(".zip", _bundle), _bundles, "analyses in a file"),
    "request": Reader(_request, _requests, "requests", text=True),
    "declared": Reader(_declared, _declarations, "symmetries that a person declares", text=True),
    "normalise": Reader(
        _normalisation,
        lambda: [b"0.1307/0.3081", b"[0.5, 0.5, 0.5], [0.2, 0.2, 0.2]"],
        "normalisations as typed",
        text=True,
    ),
    "architecture": Reader(
        _architecture, lambda: [b"activation=tanh\ninput_shape=1,8,8", b"norm=ln"], "options of families", text=True
    ),
    "option": Reader(
        _option,
        lambda: [b"a=25", b"seeds=0,1", b'p=["a", "b"]', b"x=none", b"y=0.5"],
        "options of runs and methods in addresses and commands",
        text=True,
    ),
    "sweep": Reader(_sweep, _sweeps, "descriptions of sweeps", text=True),
    "cookie": Reader(
        _visitor, lambda: [b"lmc_visitor=0123456789abcdef0123456789abcdef; other=1"], "cookies of browsers"
    ),
    "settings": Reader(_settings, _environments, "settings of a host", text=True),
}
"""Name → a reader of what strangers send, or of what an operator sets."""

RECORDED: Mapping[str, int] = {
    "checkpoint": 50_000,
    "tensors": 50_000,
    "program": 50_000,
    "index": 50_000,
    "npz": 50_000,
    "bundle": 1_000,
    "request": 200_000,
    "declared": 99_000,
    "normalise": 100_000,
    "architecture": 50_000,
    "option": 100_000,
    "sweep": 100_000,
    "cookie": 50_000,
    "settings": 50_000,
}
"""Reader → inputs of the recorded run, a million together."""
