"""A path as tables, arrays and the figures of its report."""

import io
from functools import partial

import numpy as np

from lmc_core import runs
from lmc_core.runs.kinds.path import PathResult
from pages._show.view import File

ALIGNED = ("aligned.safetensors", "aligned.pt2")  # as the worker keeps it


def files(result: PathResult, run: str) -> tuple[File, ...]:
    """The arrays, and aligned B as it was kept."""
    kept = [name for name in ALIGNED if name in runs.artifacts(run)]
    return (
        File("Everything, NPZ", "data_array", ".npz", lambda: as_npz(result)),
        *(
            File(f"Aligned B, {kind}", "download", f"-B.{kind}", partial(runs.artifact, run, name))
            for name in kept
            for kind in [name.partition(".")[2]]
        ),
    )


def as_npz(result: PathResult) -> bytes:
    """Curves as naive.test.loss …, permutations as coupling.fc1, clouds as fc1.pca-data.a …"""
    arrays = {"t": result.naive.t}
    for name, profile in (("naive", result.naive), ("aligned", result.aligned)):
        for split, metrics in profile.values.items():
            arrays |= {f"{name}.{split}.{metric}": values for metric, values in metrics.items()}
    for group, coupling in result.alignment.couplings.items():
        arrays[f"coupling.{group}"] = np.asarray(coupling.plan if coupling.perm is None else coupling.perm)
    for (group, projection), cloud in result.clouds.items():
        arrays |= {f"{group}.{projection}.{name}": array for name, array in cloud.to_arrays().items()}
    target = io.BytesIO()
    np.savez_compressed(target, allow_pickle=False, **arrays)
    return target.getvalue()
