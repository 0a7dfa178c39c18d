"""A path as tables, arrays and the figures of its report."""

import io
from functools import partial

import numpy as np

from lmc_core import runs
from lmc_core.runs.kinds.path import ARTIFACTS, PathResult
from pages._show.view import File


def files(result: PathResult, run: str) -> tuple[File, ...]:
    """The arrays, and aligned B as it was kept; A too, where the path starts at it in other numbers."""
    kept = runs.artifacts(run)
    networks = [
        File(f"{title}, {kind}", "download", f"-{letter}.{kind}", partial(runs.artifact, run, f"{name}.{kind}"))
        for (name, title), letter in zip(ARTIFACTS.items(), ("B", "A"), strict=True)
        for kind in ("safetensors", "pt2")
        if f"{name}.{kind}" in kept
    ]
    return (File("Everything, NPZ", "data_array", ".npz", lambda: as_npz(result)), *networks)


def as_npz(result: PathResult) -> bytes:
    """Curves as naive.test.loss …, permutations, maps and plans as coupling.fc1, clouds as fc1.pca-data.a …"""
    arrays = {"t": result.naive.t}
    for name, profile in (("naive", result.naive), ("aligned", result.aligned)):
        for split, metrics in profile.values.items():
            arrays |= {f"{name}.{split}.{metric}": values for metric, values in metrics.items()}
    for group, coupling in result.alignment.couplings.items():
        arrays[f"coupling.{group}"] = np.asarray(coupling.element if coupling.keeps_function else coupling.plan)
    for (group, projection), cloud in result.clouds.items():
        arrays |= {f"{group}.{projection}.{name}": array for name, array in cloud.to_arrays().items()}
    target = io.BytesIO()
    np.savez_compressed(target, allow_pickle=False, **arrays)
    return target.getvalue()
