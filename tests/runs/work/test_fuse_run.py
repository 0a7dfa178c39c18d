"""Runs that fuse networks: what they are asked, laws and planted answers, what is stored, drawn and sent elsewhere."""

import io
import json
import os
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from asking import request_of
from bundles import brought, unzipped, zipped
from PIL import Image
from results import same

from lmc_core import runs
from lmc_core.data.registry import dataset
from lmc_core.errors import InputError
from lmc_core.figures.fuse.figure import fuse_figure
from lmc_core.figures.fuse.history import history_figure
from lmc_core.figures.labels import Area, drawn
from lmc_core.figures.sheet import LEAST
from lmc_core.fusion.outcome import Outcome
from lmc_core.fusion.template import template
from lmc_core.networks.checkpoint import load
from lmc_core.networks.families import widths as freedoms
from lmc_core.networks.network import Network
from lmc_core.paths.profile import Profile
from lmc_core.report import silent
from lmc_core.runs import keep
from lmc_core.runs.keep import pictures
from lmc_core.runs.kinds import fuse
from lmc_core.runs.kinds.fuse import FuseResult, fusion_title
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library import bundle
from lmc_core.runs.library import models as library
from lmc_core.runs.share.bundle import export
from lmc_core.runs.values.card import ModelCard
from lmc_core.runs.work.fuse import fuse_run
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.permute import permute, random_permutations
from lmc_core.words.fuse import fuse_finding
from pages._show.fuse import reproduce

ROOT = Path(__file__).parents[3]
PAIR = ["digits-mlp-32/seed0", "digits-mlp-32/seed1"]
ASKED = {"models": PAIR, "weights": [3, 1], "widths": {"fc1": 64}, "finetune": 2, "points": 5, "train_examples": 600}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LMC_STORE", "LMC_DATABASE_URL", "LMC_CHECKPOINTS"):
            patch.delenv(name, raising=False)
        patch.setenv("LMC_HOME", str(folder))
        yield folder
        keep.opened().index.close()


@pytest.fixture(scope="module")
def stored(home: Path) -> FuseResult:
    """A fusion with everything in it, really computed by the worker's function."""
    from lmc_core.runs.work.run import run

    request = request_of("fuse", **ASKED)
    (home / "work").mkdir()
    found = run(request, silent, home / "work", "cpu")
    pictures.leave(found, home / "work")
    keep.opened().store.save(request.id, found, {path.name: path for path in (home / "work").iterdir()})
    runs.submit(request, "ann")
    back = runs.result(request.id)
    assert isinstance(back, FuseResult)
    same(found, back)
    return back


@pytest.fixture(scope="module")
def run_id(stored: FuseResult) -> str:
    return request_of("fuse", **ASKED).id


def network(name: str):
    return load(ROOT / "checkpoints" / f"{name}.safetensors")


def fused(networks, **how):
    return fuse_run(networks, dataset("digits"), points=3, device="cpu", **{"train_examples": 300, **how})


# -- what is asked ----------------------------------------------------------------------------------------------------


def test_a_request_is_known_by_what_it_asks_not_by_how_it_was_said(home: Path) -> None:
    plain = request_of("fuse", models=PAIR)
    for said in ({"weights": [0.5, 0.5]}, {"weights": (7, 7)}, {"widths": {"fc1": 32}}, {"rate": 0.5}):
        assert request_of("fuse", models=PAIR, **said).id == plain.id, said
    for other in ({"weights": [1, 2]}, {"widths": 32}, {"widths": {"fc1": 33}}, {"finetune": 1}, {"seed": 1}):
        assert request_of("fuse", models=PAIR, **other).id != plain.id, other
    for weights in ([1, 1, 1], [0.1, 0.2, 0.7], [3, 5, 7], [1e-9, 2, 3]):
        three = request_of("fuse", models=[*PAIR, PAIR[0]], weights=weights)
        assert runs.find(Request.parse(three.json)) == three.id, weights
        assert abs(sum(three.options["weights"]) - 1) < 1e-7


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"models": PAIR[:1]}, "two to eight networks; there is one"),
        ({"models": PAIR * 5}, "two to eight networks; there are 10"),
        ({"models": [PAIR[0], "digits-cnn/seed0"]}, "two architectures, mlp and cnn"),
        ({"models": [PAIR[0], "digits-mlp-128/seed0"], "method": "c2m3"}, "fc1 has 32 units in .* and 128 in"),
        ({"method": "c2m3", "widths": 40}, "keeps the widths"),
        ({"data": "mnist"}, "MNIST are 28 × 28, and .* reads 8 × 8"),
        ({"method": "alchemy"}, "alchemy"),
        ({"settings": {"solver": "magic"}}, "magic"),
        ({"weights": [1]}, "one number"),
        ({"weights": [0, 0]}, "one number"),
        ({"weights": [1, float("nan")]}, "one number"),
        ({"weights": "ab"}, "not one number"),
        ({"widths": {"fc9": 3}}, "fc9.*fc1, fc2, fc3"),
        ({"widths": 0}, "from 1"),
        ({"finetune": 1, "rate": 0}, "learning rate"),
        ({"finetune": 1000}, "from 0 to 100"),
    ],
)
def test_what_cannot_be_fused_is_refused_in_one_sentence(home: Path, changes: dict, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as error:
        request_of("fuse", **{"models": PAIR, **changes})
    assert "\n" not in str(error.value)


def test_networks_of_another_depth_are_told_by_their_groups() -> None:
    deep = ModelCard("1", "Deep", "mlp", groups={"fc1": 8, "fc2": 8})
    flat = ModelCard("2", "Flat", "mlp", groups={"fc1": 8})
    assert "2 and 1 groups" in str(fuse.unfit([deep, flat]))
    assert fuse.unfit([deep, replace(deep, groups={"fc1": 9, "fc2": 8})]) is None
    assert fuse.unfit([deep, replace(deep, groups={})]) is None, "what a card does not tell, the worker finds out"


def test_networks_of_one_recipe_are_named_together() -> None:
    seeds = [ModelCard(str(k), "Digits MLP", seed=k) for k in range(3)]
    assert fusion_title(seeds) == "Fusion of Digits MLP, seeds 0, 1 and 2"
    assert fusion_title([seeds[0], ModelCard("x", "mine")]) == "Fusion of Digits MLP, seed 0 and mine"
    assert fusion_title([*seeds, ModelCard("x", "mine")]) == "Fusion of Digits MLP, seed 0 and three others"


@pytest.mark.parametrize("name", ["digits-mlp-32", "digits-cnn", "digits-lstm", "cifar10-resnet8"])
def test_the_widths_that_forms_offer_can_be_built(name: str) -> None:
    net = network(f"{name}/seed0")
    found = symmetry(net, verify=False)
    freedom = freedoms(net.architecture.family)
    wanted: list[int | dict[str, int]] = [24] if "one" in freedom else []
    wanted += [{group: size + 8} for group, size in ((g.name, g.size) for g in found.groups.values())] * (
        "each" in freedom
    )
    assert wanted
    for widths in wanted:
        template([net], [found], widths)


# -- laws and planted answers -----------------------------------------------------------------------------------------


def test_a_network_and_its_shuffled_self_fuse_to_it_and_every_path_is_flat() -> None:
    net = network(PAIR[0])
    found = symmetry(net, verify=False)
    shuffled = net.with_state(permute(net.state, found, random_permutations(found, np.random.default_rng(0))))
    result, made = fused([net, shuffled])
    outcome = result.outcome
    assert outcome.fused["test"]["accuracy"] == outcome.parents[0]["test"]["accuracy"]
    assert outcome.fused["test"]["loss"] == pytest.approx(outcome.parents[1]["test"]["loss"], rel=1e-5)
    assert outcome.barrier == pytest.approx(0, abs=1e-6)
    assert outcome.ensemble["test"]["loss"] == pytest.approx(outcome.parents[0]["test"]["loss"], rel=1e-5)
    assert outcome.average["test"]["accuracy"] < 0.8 * outcome.parents[0]["test"]["accuracy"]
    assert all(path.loss()[-1] > path.loss()[0] + 0.5 for path in outcome.average_paths)
    assert made.fingerprint == result.fingerprint


def test_all_the_weight_on_one_network_gives_that_network() -> None:
    nets = [network(name) for name in PAIR]
    result, _ = fused(nets, weights=(0, 1))
    assert result.outcome.fused["test"]["accuracy"] == result.outcome.parents[1]["test"]["accuracy"]
    assert result.outcome.paths[1].barrier() == pytest.approx(0, abs=1e-6)
    assert result.outcome.paths[0].loss()[0] == pytest.approx(result.outcome.parents[0]["test"]["loss"], rel=1e-5)


def test_a_path_starts_at_a_parent_only_where_carrying_it_keeps_its_function() -> None:
    nets = [network("digits-mlp-128/seed0"), network(PAIR[0])]
    result, _ = fused(nets, widths=64)
    assert result.outcome.paths[0] is None, "128 units do not fit into 64"
    small = result.outcome.paths[1]
    assert small is not None
    assert small.loss()[0] == pytest.approx(result.outcome.parents[1]["test"]["loss"], rel=1e-4)
    assert result.function_errors[0] > 0.01 > result.function_errors[1]
    assert result.outcome.average is None
    assert result.outcome.average_paths == ()
    assert any("left out" in note for note in result.notes)
    assert result.parent_groups == (dict.fromkeys(("fc1", "fc2", "fc3"), 128), dict.fromkeys(("fc1", "fc2", "fc3"), 32))
    assert all(count > 1.2 for count in result.sources[0].values())
    assert all(count == pytest.approx(1) for count in result.sources[1].values())


def test_the_plain_average_has_no_second_plain_average_beside_it() -> None:
    result, _ = fused([network(name) for name in PAIR], method="vanilla-average")
    assert result.outcome.average is None
    assert "a method that aligns them first" in result.finding


def test_the_finding_says_what_was_measured() -> None:
    def scored(accuracy: float) -> dict:
        return {split: {"loss": 1 - accuracy, "accuracy": accuracy} for split in ("train", "test")}

    whole = Outcome(("a", "b", "c"), tuple(map(scored, (0.97, 0.98, 0.975))), scored(0.96), scored(0.2))
    said = fuse_finding(whole, "wasserstein-barycenter").text
    assert said == (
        "Fused by Wasserstein barycentre, the three networks keep 96.0% test accuracy (alone: 97.0% to 98.0%); "
        "averaging their weights as they are gives 20.0%."
    )
    assert "does better" in fuse_finding(replace(whole, average=scored(0.99)), "ot-fusion").text
    lost = fuse_finding(replace(whole, fused=scored(0.5)), "ot-fusion").text
    assert "reach only 50.0%" in lost
    assert "Try another method" in lost
    tuned = fuse_finding(replace(whole, curve=(scored(0.96), scored(0.99))), "ot-fusion").text
    assert tuned.endswith("After one epoch of fine-tuning it is 99.0%.")
    guess = replace(whole, parents=(scored(0.1), scored(0.98), scored(0.9)), names=("a", "b", "c"))
    assert "barely trained" in fuse_finding(guess, "ot-fusion").text


# -- what is stored, drawn and sent -----------------------------------------------------------------------------------


def test_a_stored_fusion_holds_the_network_it_speaks_of(stored: FuseResult, run_id: str, tmp_path: Path) -> None:
    (tmp_path / "fused.safetensors").write_bytes(runs.artifact(run_id, "fused.safetensors"))
    made = load(tmp_path / "fused.safetensors")
    assert made.fingerprint == stored.fingerprint
    assert {n: g.size for n, g in symmetry(made, verify=False).groups.items()} == dict(stored.groups)
    assert stored.groups == {"fc1": 64, "fc2": 32, "fc3": 32}
    assert all(path is not None for path in stored.outcome.paths)
    assert len(stored.outcome.curve) == 3
    assert made.metadata["accuracy"]["test"] == stored.outcome.final["test"]["accuracy"]
    assert runs.status(run_id).finding == stored.finding
    assert json.loads(json.dumps(stored.json))["accuracy"] == stored.outcome.final["test"]["accuracy"]
    assert runs.status(run_id).title == stored.title == "Fusion of Digits MLP, 3 × 32, seeds 0 and 1"


def test_a_fusion_is_drawn_whatever_it_lacks(stored: FuseResult) -> None:
    outcome = stored.outcome
    bare = replace(outcome, average=None, average_paths=(), paths=(None, None), curve=())
    many = replace(outcome, names=("x",) * 8, parents=outcome.parents * 4, paths=outcome.paths * 4)
    for each in (outcome, bare, replace(outcome, curve=()), many):
        for layout in ("wide", "narrow"):
            figure = fuse_figure(each, layout=layout, theme="dark")
            names = {str(text) for axis in ("xaxis", "xaxis3") for text in figure.layout[axis].ticktext}
            assert any("fused" in name for name in names)
    assert "no path is drawn" in fuse_figure(bare).to_json()
    assert len(history_figure(stored.history, outcome.curve).data) == 5
    assert len(history_figure(stored.history, ()).data) == 1


@pytest.mark.parametrize("dip", [0.0, 0.1, 0.3, 0.6])
def test_the_name_of_the_plain_average_is_clear_of_every_curve(stored: FuseResult, dip: float) -> None:
    """Paths that fall below their end before they reach it."""
    t = np.linspace(0, 1, 9)
    accuracy = np.interp(t, [0, 0.85, 1], [0.95, dip, 0.65])
    path = Profile(t=t, values={"test": {"accuracy": accuracy, "loss": 1 - accuracy}}, examples={})
    figure = fuse_figure(replace(stored.outcome, average_paths=(path,)))
    (named,) = (trace for trace in figure.data if trace.text and "plain average" in str(trace.text))
    x, y = (figure.layout[named[f"{side}axis"].replace(side, f"{side}axis")] for side in "xy")
    area = Area(0.5 * LEAST["wide"], 270.0, x.range, y.range)
    panel = [trace.to_plotly_json() for trace in figure.data if trace.yaxis == named.yaxis and trace is not named]
    ((left, bottom, right, top),) = drawn([named.to_plotly_json()], area)
    ink = drawn(panel, area)
    assert 0 <= left < right <= area.width
    assert 0 <= bottom < top <= area.height
    assert len(ink) > 100
    assert not ((ink[:, 2] > left) & (ink[:, 0] < right) & (ink[:, 3] > bottom) & (ink[:, 1] < top)).any()


def test_a_fusion_has_pictures_with_every_network(stored: FuseResult, run_id: str) -> None:
    drawing = ET.fromstring(runs.picture(run_id, pictures.THUMBNAIL))
    said = [text.text for text in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert {"A", "B", "fused"} <= set(said)
    assert Image.open(io.BytesIO(runs.picture(run_id, pictures.PREVIEW))).size == (1200, 630)


def test_a_bundle_of_a_fusion_comes_back_with_the_fused_network(
    stored: FuseResult, run_id: str, tmp_path: Path
) -> None:
    parts = unzipped(export(run_id, networks=True))
    assert {"a.safetensors", "b.safetensors", "fused.safetensors"} <= set(parts)
    path = tmp_path / "f.zip"
    path.write_bytes(zipped(parts))
    back = bundle.read(path, "f.zip")
    assert isinstance(back, FuseResult)
    same(back.outcome, stored.outcome)
    assert back.finding == stored.finding
    assert "nothing of it was computed on this server" in back.notes[0]
    before = len(runs.recent(20, kind="inspect", state="queued", owner="bob"))
    brought("f.zip", path.read_bytes(), owner="bob")
    assert len(runs.recent(20, kind="inspect", state="queued", owner="bob")) == before + 3


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ("weights", (1.0,)),
        ("method", "alchemy"),
        ("outcome", lambda outcome: replace(outcome, parents=outcome.parents[:1])),
        ("outcome", lambda outcome: replace(outcome, fused={"test": {"loss": 0.0, "accuracy": 2.0}})),
        (
            "outcome",
            lambda outcome: replace(outcome, paths=(outcome.paths[0], replace(outcome.paths[0], t=np.ones(5)))),
        ),
        ("groups", {"fc1": "<script>"}),
    ],
)
def test_a_bundle_of_a_fusion_whose_numbers_do_not_belong_together_is_refused(
    stored: FuseResult, run_id: str, tmp_path: Path, part: str, wrong: object
) -> None:
    from lmc_core.runs.keep.pack import pack

    worse = replace(stored, **{part: wrong(getattr(stored, part)) if callable(wrong) else wrong})
    arrays: dict[str, np.ndarray] = {}
    packed = json.dumps(pack(worse, arrays)).encode()
    target = io.BytesIO()
    np.savez(target, **arrays)
    path = tmp_path / "f.zip"
    path.write_bytes(zipped({**unzipped(export(run_id)), "run.json": packed, "arrays.npz": target.getvalue()}))
    with pytest.raises(InputError, match=r"f\.zip|result"):
        bundle.read(path, "f.zip")


def test_a_fused_network_is_added_to_a_library_like_any_file(stored: FuseResult, run_id: str) -> None:
    from lmc_core.runs.work.run import run

    upload = runs.submit(
        library.add("fused.safetensors", runs.artifact(run_id, "fused.safetensors"), data="digits", owner="ann"), "ann"
    )
    folder = keep.opened().host.home / "inspected"
    folder.mkdir()
    card = run(runs.request(upload), silent, folder, "cpu").model
    assert card.groups == stored.groups
    assert card.accuracy["test"] == pytest.approx(stored.outcome.final["test"]["accuracy"])
    assert not card.listed


def test_the_line_and_the_snippet_compute_the_same_network(stored: FuseResult, run_id: str, tmp_path: Path) -> None:
    (tmp_path / "checkpoints").symlink_to(ROOT / "checkpoints")
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    kept = tmp_path / "kept.safetensors"
    kept.write_bytes(runs.artifact(run_id, "fused.safetensors"))
    words = shlex.split(reproduce.command(stored).replace("\\\n", " "))
    assert words[:4] == ["python", "-m", "lmc_core", "fuse"]
    how = {"cwd": tmp_path, "env": env, "capture_output": True, "text": True, "check": False}
    line = subprocess.run([sys.executable, *words[1:], "--json"], **how)
    assert line.returncode == 0, line.stderr
    assert json.loads(line.stdout)["accuracy"] == pytest.approx(stored.outcome.final["test"]["accuracy"])
    alike(load(tmp_path / "fused.safetensors"), load(kept))
    (tmp_path / "fused.safetensors").unlink()
    snippet = subprocess.run([sys.executable, "-c", reproduce.python(stored)], **how)
    assert snippet.returncode == 0, snippet.stderr
    assert float(snippet.stdout) == pytest.approx(stored.outcome.final["test"]["accuracy"])
    alike(load(tmp_path / "fused.safetensors"), load(kept))


def alike(one: Network, other: Network) -> None:
    """Equal weights, but for the order of sums, which goes with the number of threads."""
    assert one.state.keys() == other.state.keys()
    for name, tensor in one.state.items():
        torch.testing.assert_close(tensor, other.state[name], rtol=1e-4, atol=1e-5)
