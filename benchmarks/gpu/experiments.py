"""`python -m benchmarks.gpu.experiments --minutes 8 --out FOLDER`: the experiments that need a card, by many processes.

Every job is a part of an experiment (one learning rate, one depth and pair, one width and pair): a process of its own
that trains its networks and keeps every number it measures. `found.tar` holds these numbers, and is written anew after
every job; unpacked into the folder of trained networks of another machine, `reproduce` makes the tables there without
training. Experiments whose jobs are all done are written as NAME.json, and jobs.json says how every job went. When
the minutes are over, what still runs is ended.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.gpu.images import unpack
from lmc_core.training.reproduce import EXPERIMENTS, ferbach_cnn, ferbach_mnist, rebasin_width
from lmc_core.training.reproduce import repair_mnist_depth as depth
from lmc_core.training.reproduce import repair_mnist_width as width
from lmc_core.training.reproduce.repair_resnet20 import NORMS

RESERVE = 15.0  # seconds at the end for the last files
SHORTEST = 25.0  # a job is not begun with fewer seconds left
IMAGES = ("train_examples=16000", "test_examples=4000")


@dataclass(frozen=True)
class Job:
    """A part of an experiment: its settings, and the seed that chooses the pair."""

    experiment: str
    settings: tuple[str, ...]
    seed: int = 0

    def command(self, keep: Path, device: str, quick: bool, images: Sequence[str] = ()) -> list[str]:
        """In a shell's words; `images`: settings of jobs that look at them."""
        words = [sys.executable, "-m", "lmc_core", "reproduce", self.experiment, "--device", device, "--json"]
        words += ["--quick"] * quick + ["--seed", str(self.seed)]
        more = images if set(IMAGES) <= set(self.settings) else ()
        return words + [w for setting in (*self.settings, *more, f"keep={keep}") for w in ("--set", setting)]


@dataclass(frozen=True)
class Whole:
    """An experiment as it is written when all its jobs are done."""

    settings: tuple[str, ...]
    jobs: tuple[Job, ...] = field(default=())


def plan(images: Sequence[str] = IMAGES) -> dict[str, Whole]:
    """Experiment → its settings and its jobs."""

    def pairs(name: str, option: str, values: Sequence[object], seeds: int, more: Sequence[str] = ()) -> Whole:
        jobs = [Job(name, (f"{option}={v}", "pairs=1", *more), s) for s in range(seeds) for v in values]
        return Whole((f"pairs={seeds}", *more), tuple(jobs))

    rates = [Job("ferbach-mnist", (f"rates={rate}",)) for rate in ferbach_mnist.RATES]
    mlps = [Job("rebasin-width", ("networks=mlp", f"widths={w}")) for w in rebasin_width.WIDTHS]
    tail = ("epochs=30", *images)
    repaired = [Job("repair-resnet20", (f"norms={norm}", "factors=1", "pairs=1", *tail)) for norm in NORMS]
    nets = pairs("rebasin-width", "factors", rebasin_width.FACTORS, 2, ("networks=resnet", "resnet_pairs=1", *images))
    return {
        "ferbach-mnist": Whole((), tuple(rates)),
        "repair-mnist-depth": pairs("repair-mnist-depth", "depths", depth.DEPTHS[::-1], 2),
        "rebasin-width": Whole(("pairs=2", *images), (*mlps, *nets.jobs)),
        "repair-mnist-width": pairs("repair-mnist-width", "widths", width.WIDTHS, 2),
        "ferbach-cnn": pairs("ferbach-cnn", "widths", ferbach_cnn.WIDTHS, 2, images),
        "repair-resnet20": Whole(("factors=1", "pairs=1", *tail), tuple(repaired)),
    }


def ordered(wholes: dict[str, Whole]) -> list[Job]:
    """By worth: figure 2, REPAIR by depth, MLPs by width, first pairs before second ones, images last."""
    jobs = [job for whole in wholes.values() for job in whole.jobs]
    names = list(wholes)

    def worth(job: Job) -> tuple[bool, int, int]:
        return any(word in job.settings for word in IMAGES), job.seed, names.index(job.experiment)

    return sorted(jobs, key=worth)


class Runner:
    """Runs jobs side by side until the time is over."""

    def __init__(self, out: Path, keep: Path, device: str, end: float, quick: bool) -> None:
        self.out, self.keep, self.device, self.end, self.quick = out, keep, device, end, quick
        self.lock = threading.Lock()
        self.rows: list[dict[str, object]] = []
        self.done: set[Job] = set()
        self.images: tuple[str, ...] = ()

    def run(self, job: Job) -> None:
        started = time.time()
        if self.end - started < SHORTEST:
            self.add(job, {"left_out": True})
            return
        env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = job.command(self.keep, self.device, self.quick, self.images)
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=env, start_new_session=True
        ) as process:
            watch = threading.Timer(max(0.0, self.end - time.time()), os.killpg, (process.pid, signal.SIGKILL))
            watch.start()
            _, errors = process.communicate()
            watch.cancel()
        row: dict[str, object] = {"seconds": round(time.time() - started, 1), "code": process.returncode}
        if process.returncode:
            row["error"] = errors[-600:]
        else:
            self.done.add(job)
        self.add(job, row)

    def add(self, job: Job, row: dict[str, object]) -> None:
        """One more job is over: what there is is written."""
        with self.lock:
            self.rows.append({**asdict(job), **row})
            (self.out / "jobs.json").write_text(json.dumps(self.rows, indent=1) + "\n")
            self.pack()

    def pack(self) -> None:
        """All numbers so far in one file."""
        part = self.out / "found.tar.part"
        with tarfile.open(part, "w") as archive:
            for file in sorted((self.keep / "found").glob("*.json")):
                archive.add(file, f"found/{file.name}")
        part.replace(self.out / "found.tar")

    def write(self, name: str, whole: Whole) -> None:
        """The whole experiment, if every job of it is done: from numbers alone."""
        if not whole.jobs or not set(whole.jobs) <= self.done or self.end + RESERVE - time.time() < 5:
            return
        job = Job(name, whole.settings)
        command = [*job.command(self.keep, "cpu", self.quick, self.images), "--out", str(self.out / f"{name}.json")]
        subprocess.run(command, stdout=subprocess.DEVNULL, timeout=self.end + RESERVE - time.time(), check=False)


def main() -> None:
    asked = _arguments()
    started = time.time()
    asked.out.mkdir(parents=True, exist_ok=True)
    keep = (asked.keep or asked.out.parent / "kept").resolve()
    runner = Runner(asked.out, keep, asked.device, started + 60 * asked.minutes - RESERVE, asked.quick)
    wholes = plan()
    if asked.images:
        keep.mkdir(parents=True, exist_ok=True)
        unpack(asked.images, keep / "cifar10.npz")
        runner.images = (f"file={keep / 'cifar10.npz'}",)
    jobs = [job for job in ordered(wholes) if job.experiment in asked.only]
    if asked.quick:
        wholes = {name: Whole((), (Job(name, ()),)) for name in wholes}
        jobs = [job for name, whole in wholes.items() if name in asked.only for job in whole.jobs]
    with ThreadPoolExecutor(asked.processes) as pool:
        list(pool.map(runner.run, jobs))
    for name, whole in wholes.items():
        runner.write(name, whole)
    runner.pack()
    print(f"{len(runner.done)} of {len(jobs)} jobs in {time.time() - started:.0f} s: {asked.out}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu.experiments", description="Experiments on a card.")
    parser.add_argument("--out", type=Path, required=True, help="the folder of results")
    parser.add_argument("--minutes", type=float, default=8.0, help="after which everything ends")
    parser.add_argument("--device", default="cuda", help="where networks are trained and compared")
    parser.add_argument("--processes", type=int, default=max(1, (os.cpu_count() or 2) - 2), help="jobs at a time")
    parser.add_argument("--keep", type=Path, help="folder of trained networks and numbers; else beside the results")
    parser.add_argument("--images", type=Path, help="images packed by benchmarks.gpu.images; else the data set")
    parser.add_argument("--only", nargs="*", choices=EXPERIMENTS, default=list(plan()), help="only these")
    parser.add_argument("--quick", action="store_true", help="small settings, to try it out")
    return parser.parse_args()


if __name__ == "__main__":
    main()
