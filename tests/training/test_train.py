"""Training: the recipe and the seed are all there is to it, and the shipped files are what the recipes give."""

import json
import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from lmc_core.data.dataset import Dataset
from lmc_core.data.registry import DATASETS, dataset
from lmc_core.errors import Cancelled, DataError, SettingError
from lmc_core.networks.checkpoint import load
from lmc_core.networks.families import architecture, build
from lmc_core.training.index import entry
from lmc_core.training.recipes import RECIPES
from lmc_core.training.train import Recipe, augmented, lecun, rate, score, shifted, train

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"
INDEX = json.loads((CHECKPOINTS / "index.json").read_text())
LMC_DATA = Path(os.environ.get("LMC_DATA", "nowhere"))
SHORT = replace(RECIPES["digits-mlp-32"], epochs=2)


def test_the_shipped_recipe_gives_the_shipped_accuracy_again():
    shipped = next(e for e in INDEX if e["id"] == "digits-mlp-128/seed0")
    again = train(RECIPES["digits-mlp-128"], 0, name="digits-mlp-128")
    for part in ("train", "test"):  # other numbers of threads add in another order: a few examples of 359 differ
        assert again.metadata["accuracy"][part] == pytest.approx(shipped["accuracy"][part], abs=3.5 / 359)
    assert set(entry("digits-mlp-128/seed0", again)) == set(shipped)


def test_the_same_seed_gives_the_same_numbers_and_another_gives_others():
    first, again, other = (train(SHORT, seed) for seed in (3, 3, 4))
    assert first.fingerprint == again.fingerprint
    assert first.fingerprint != other.fingerprint


def test_training_estimates_the_statistics_of_batch_norm():
    recipe = replace(
        SHORT,
        architecture=architecture("resnet", input_shape=(1, 8, 8), blocks=(1,), widths=(4,), shortcut="B", classes=10),
    )
    net = train(recipe, 0)
    steps = recipe.epochs * math.ceil(len(dataset("digits").y_train) / recipe.batch)
    counted = [x for name, x in net.state.items() if name.endswith("num_batches_tracked")]
    means = [x for name, x in net.state.items() if name.endswith("running_mean")]
    assert counted
    assert all(int(x) == steps for x in counted)
    assert all(bool(x.any()) for x in means)


def test_shipped_networks_hold_measured_batch_norm_statistics():
    states = [load(str(CHECKPOINTS / f"cifar10-resnet8/seed{seed}.safetensors")).state for seed in (0, 1)]
    means = [x for state in states for name, x in state.items() if name.endswith("running_mean")]
    assert means
    assert all(bool(x.any()) for x in means)


def test_the_global_generator_is_left_alone():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    train(SHORT, 0)
    assert torch.equal(torch.rand(3), expected)


def test_the_file_tells_how_it_was_made(tmp_path):
    net = train(SHORT, 5, name="short")
    net.save(str(tmp_path / "net.safetensors"))
    again = load(tmp_path / "net.safetensors")
    assert again.fingerprint == net.fingerprint
    assert again.metadata["seed"] == 5
    assert again.metadata["data"] == "digits"
    assert again.metadata["recipe"]["epochs"] == 2
    assert again.metadata["recipe"]["architecture"]["options"] == dict(SHORT.architecture.options)
    assert again.metadata["accuracy"] == net.metadata["accuracy"]


def test_training_tells_how_far_it_is_and_stops_when_told():
    seen = []
    train(SHORT, 0, report=lambda stage, done, total: seen.append((stage, done, total)))
    steps = 2 * math.ceil(1438 / 32)
    assert seen[0] == ("training", 0, steps)
    assert seen[-1] == ("training", steps, steps)

    def stop(stage, done, total):
        if done >= 40:
            raise Cancelled

    with pytest.raises(Cancelled):
        train(SHORT, 0, report=stop)


def test_the_rate_warms_up_from_a_millionth_and_falls_along_a_cosine():
    recipe = RECIPES["mnist-mlp-512"]
    steps = 50 * 120
    rates = [rate(recipe, step, steps) for step in range(steps + 1)]
    assert rates[0] == 1e-6
    assert rates[10] == max(rates) == 2.5e-2
    assert rates[10 + (steps - 10) // 2] == pytest.approx(1.25e-2)
    assert rates[-1] == pytest.approx(0, abs=1e-15)
    assert rate(replace(recipe, schedule="constant"), 3000, steps) == 2.5e-2


def test_lecun_weights_have_variance_one_over_fan_in_and_no_tails():
    module = build(architecture("mlp", widths=[400, 1000, 10]))
    lecun(module, torch.Generator().manual_seed(0))
    weight = module.fc1.weight
    assert weight.std().item() == pytest.approx(400**-0.5, rel=0.01)
    assert weight.abs().max().item() <= 2 * 400**-0.5 / 0.8796
    assert not module.fc1.bias.any()


def test_shifted_images_are_originals_with_the_darkest_value_around():
    images = torch.arange(1.0, 2 * 25 + 1).reshape(2, 5, 5)
    moved = shifted(images, torch.Generator().manual_seed(3), 2, fill=-1.0)
    assert moved.shape == images.shape
    padded = torch.nn.functional.pad(images, (2,) * 4, value=-1.0)
    for image, wide in zip(moved, padded, strict=True):
        assert any(torch.equal(image, wide[i : i + 5, j : j + 5]) for i in range(5) for j in range(5))
    assert not torch.equal(moved, images)


def test_augmented_images_are_shifted_mirrored_originals():
    images = torch.rand(40, 2, 6, 6)
    changed = augmented(images, torch.Generator().manual_seed(0), shift=4)
    padded = nn.functional.pad(images, (4, 4, 4, 4))
    mirrored = nn.functional.pad(images.flip(3), (4, 4, 4, 4))
    seen = set()
    for i, image in enumerate(changed):
        found = {
            (which, down, right)
            for which, source in enumerate((padded, mirrored))
            for down in range(9)
            for right in range(9)
            if torch.equal(image, source[i, :, down : down + 6, right : right + 6])
        }
        assert found
        seen |= found
    assert len(seen) > 25
    unmoved = augmented(images, torch.Generator().manual_seed(0), shift=0)
    assert all(torch.equal(a, b) or torch.equal(a, b.flip(2)) for a, b in zip(unmoved, images, strict=True))
    assert not torch.equal(unmoved, images)


def test_score_is_the_mean_over_all_examples_whatever_the_batch():
    module = build(architecture("mlp", widths=[6, 4])).double()
    x, y = torch.randn(37, 6, dtype=torch.float64), torch.randint(4, (37,))
    loss, accuracy = score(module, x, y, batch=10)
    logits = module(x)
    assert loss == pytest.approx(nn.functional.cross_entropy(logits, y).item())
    assert accuracy == (logits.argmax(1) == y).double().mean().item()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"optimiser": "lbfgs"}, "not one of sgd, adam, adamw"),
        ({"epochs": 0}, "epochs=0 is not positive"),
        ({"init": "zeros"}, "not one of torch, lecun"),
    ],
)
def test_a_recipe_that_cannot_be_followed_is_refused(changes, said):
    with pytest.raises(SettingError, match=said):
        train(replace(SHORT, **changes), 0)


def test_data_that_does_not_fit_the_network_is_refused():
    x, y = np.zeros((10, 5), np.float32), np.zeros(10, np.int64)
    with pytest.raises(DataError, match=r"examples of mine have shape \(5,\); this network reads \(8, 8\)"):
        train(SHORT, 0, data=Dataset("mine", x, y, x, y, ("a", "b")))
    x = np.zeros((10, 64), np.float32)
    with pytest.raises(DataError, match="mine has 11 classes; this network tells 10 apart"):
        train(SHORT, 0, data=Dataset("mine", x, y, x, y, tuple("abcdefghijk")))


def test_networks_of_tokens_and_of_sequences_learn():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 5, (300, 6))
    y = x[:, -1] % 2
    data = Dataset("tokens", x, y, x[:100], y[:100], ("even", "odd"))
    made = architecture("recurrent", features=6, hidden=8, steps=6, vocabulary=5, classes=2, cell="gru")
    recipe = Recipe("", made, "tokens", "adamw", 0.02, 8, 20)
    assert train(recipe, 0, data=data).metadata["accuracy"]["test"] > 0.95


@pytest.mark.parametrize(
    ("family", "options", "data", "said"),
    [
        ("mlp", {"widths": (64, 8, 96)}, "text", r"text holds tokens \(integers\); this network reads numbers"),
        ("gpt", {"width": 8, "vocabulary": 16}, "digits", r"digits holds numbers; this network reads tokens"),
        ("gpt", {"width": 8, "vocabulary": 16}, "text", "text has 96 classes; this network tells 16 apart"),
        ("gpt", {"width": 8, "input_shape": (32,)}, "text", r"have shape \(64,\); this network reads \(32,\)"),
    ],
)
def test_tokens_and_numbers_are_not_taken_for_each_other(family, options, data, said):
    recipe = Recipe("", architecture(family, **options), data, "adam", 0.01, 1, 20)
    with pytest.raises(DataError, match=said):
        train(recipe, 0)


def test_every_recipe_ships_two_seeds_and_every_file_is_listed():
    files = {p.relative_to(CHECKPOINTS).with_suffix("").as_posix() for p in CHECKPOINTS.glob("*/*.safetensors")}
    assert {e["id"] for e in INDEX} == files
    assert all(sum(e["recipe"] == name for e in INDEX) >= 2 for name in RECIPES)
    assert sum(p.stat().st_size for p in CHECKPOINTS.rglob("*")) < 40e6


@pytest.mark.parametrize("listed", INDEX, ids=lambda e: e["id"])
def test_the_index_agrees_with_the_files(listed):
    net = load(CHECKPOINTS / f"{listed['id']}.safetensors")
    assert entry(listed["id"], net) == listed
    assert not net.assumptions
    recipe = RECIPES[listed["recipe"]]
    assert recipe.architecture == net.architecture
    assert json.loads(json.dumps(recipe.as_json())).items() <= net.metadata["recipe"].items()
    if not DATASETS[listed["data"]].offline and not (LMC_DATA / listed["data"]).is_dir():
        pytest.skip(f"LMC_DATA holds no {listed['data']} folder to measure the accuracy on")
    data = dataset(listed["data"])
    x = net.prepare(torch.from_numpy(data.x_test))
    right = [net(part).argmax(-1) for part in x.split(1000)]
    near = 5e-3 if listed["data"] == "text" else 2e-4  # every release of Python rewords some of its help
    assert (torch.cat(right).numpy() == data.y_test).mean() == pytest.approx(listed["accuracy"]["test"], abs=near)


def test_the_readme_states_the_scores_of_the_index():
    rows = [row.split("|") for row in (CHECKPOINTS / "README.md").read_text().splitlines() if row.startswith("| `")]
    stated = {row[1].strip(" `"): (row[5].strip(), row[6].strip()) for row in rows}
    assert stated == {e["id"]: (f"{100 * e['accuracy']['test']:.2f} %", f"{e['loss']['test']:.4f}") for e in INDEX}


def test_widths_of_the_digits_networks_are_in_their_names():
    for width in (32, 128, 512):
        assert list(RECIPES[f"digits-mlp-{width}"].architecture.options["widths"][1:-1]) == [width] * 3
