"""Results of runs made by hand, and a comparison of any two, field by field."""

from dataclasses import replace

import numpy as np

from lmc_core.alignment.coupling import Coupling
from lmc_core.diagnostics.projection import project
from lmc_core.paths.profile import Profile
from lmc_core.runs.keep.pack import pack
from lmc_core.runs.kinds.path import PathResult
from lmc_core.runs.values.card import ModelCard
from lmc_core.runs.values.facts import AlignmentFacts, DataFacts, GroupRow, SymmetryFacts, TensorRow
from lmc_core.symmetry.symmetry import Pinned


def a_profile(rng: np.random.Generator, points: int = 5) -> Profile:
    values = {s: {m: rng.random(points) for m in ("loss", "accuracy")} for s in ("train", "test")}
    return Profile(np.linspace(0, 1, points), values, {"train": 100, "test": 50}, 1.5)


def a_result(seed: int = 0) -> PathResult:
    rng = np.random.default_rng(seed)
    model = ModelCard("zoo/seed0", "Zoo", "mlp", "digits", {"test": 0.97}, fingerprint="f" * 64, input_shape=(8, 8))
    cloud = project(*rng.random((3, 40, 7)), t=np.linspace(0, 1, 5), group="fc1", label="layer 1")
    symmetry = SymmetryFacts(
        (GroupRow("fc1", 40, None, ("fc1.weight[0]",), ("fc2.weight[1]",), 47.9, 12),),
        (TensorRow("fc1.weight", (40, 7), ("fc1", "7")),),
        (Pinned("fc2.weight", 0, 10, "the output is read by the user"),),
        ("aten.mystery",),
        (),
        3e-7,
        {"fc1": 2e-7},
    )
    couplings = {
        "fc1": Coupling("fc1", perm=rng.permutation(40)),
        "soft": Coupling("soft", plan=rng.random((80, 80)) / 6400),
    }
    alignment = AlignmentFacts(
        method="weight-matching",
        title="Weight matching",
        settings={"restarts": 3},
        seed=seed,
        history=(1.0, 2.0),
        spread=(2.0, 1.9, float("nan")),
        converged=True,
        notes=(),
        seconds=0.2,
        function_error=1e-7,
        couplings=couplings,
    )
    return PathResult(
        request={"kind": "path", "settings": {"restarts": 3}, "is": "a key that looks like ours"},
        models=(model, replace(model, id="zoo/seed1", seed=1)),
        data=DataFacts("digits", 1438, 359, (8, 8), tuple("0123456789"), "d" * 64),
        naive=a_profile(rng),
        aligned=a_profile(rng),
        symmetry=symmetry,
        alignment=alignment,
        clouds={("fc1", "pca-weights"): cloud},
        seconds={"align": 0.2},
        versions={"torch": "2"},
        finding="It falls.",
    )


def same(a: object, b: object) -> None:
    """Equal as packed JSON and arrays, types and bits included."""
    left, right = {}, {}
    assert pack(a, left) == pack(b, right)
    assert left.keys() == right.keys()
    for name, array in left.items():
        assert array.dtype == right[name].dtype
        np.testing.assert_array_equal(array, right[name])
