"""Experiments: what they split, train, keep, fuse and write."""

import csv
import json
from dataclasses import replace
from importlib import import_module
from shutil import copytree

import behind
import numpy as np
import pytest
import torch

from lmc_core.cli import main
from lmc_core.data.registry import dataset
from lmc_core.errors import Cancelled, SettingError
from lmc_core.paths.evaluate import evaluate_many
from lmc_core.report import silent
from lmc_core.runs.kinds.request import Request
from lmc_core.training.finetune import measure
from lmc_core.training.recipes import RECIPES
from lmc_core.training.reproduce import (
    EXPERIMENTS,
    _deep,
    _work,
    akash_mnist,
    ferbach_mnist,
    lmc_over_training,
    rebasin_width,
    repair_readings,
    skill_transfer,
    w2_rate,
)
from lmc_core.training.reproduce._pairs import aligned, halfway
from lmc_core.training.reproduce._trained import filename, shipped, trained
from lmc_core.training.together import stackable, train_together
from lmc_core.training.train import train

TINY = {
    "akash-mnist": {"data": "digits", "networks": 3, "epochs": 3, "draws": 1, "width": 0.1},
    "akash-distillation": {"data": "digits", "networks": 2, "epochs": 3, "width": 0.2},
    "barycentre-moves": {"data": "digits", "counts": "2,3", "epochs": 3, "width": 0.1, "draws": 1},
    "skill-transfer": {"data": "digits", "pairs": 2, "epochs": 4, "steps": 2, "width": 0.1},
    "recurrent-mnist": {"data": "digits", "networks": 3, "epochs": 2, "hidden": 8},
    "ferbach-mnist": {"recipe": "digits-mlp-32", "rates": "0.1", "pairs": 2, "epochs": 20, "examples": 500},
    "w2-rate": {
        "dimensions": "6",
        "draws": 3,
        "data": "digits",
        "widths": "16,32",
        "pairs": 1,
        "epochs": 2,
        "examples": 500,
    },
    "ferbach-cnn": {"data": "digits", "widths": "4,8", "pairs": 1, "epochs": 2},
    "repair-mnist-depth": {"data": "digits", "depths": "2,3", "width": 16, "pairs": 1, "epochs": 20},
    "repair-mnist-width": {"data": "digits", "widths": "8,16", "depth": 2, "pairs": 1, "epochs": 5},
    "repair-mnist-shifted": {"data": "digits", "widths": "8,16", "pairs": 1, "epochs": 5},
    "repair-readings": {"data": "digits", "depth": 3, "width": 16, "pairs": 1, "epochs": 20},
    "rebasin-width": {
        "mlp_data": "digits",
        "widths": "8,16",
        "mlp_epochs": 3,
        "resnet_data": "digits",
        "factors": "0.125",
        "resnet_epochs": 1,
        "train_examples": 300,
        "test_examples": 200,
        "pairs": 1,
        "resnet_pairs": 1,
    },
    "vit-mnist": {"recipe": "digits-vit", "networks": 2, "steps": 20},
    "char-gpt": {"networks": 2, "steps": 3, "batch": 4, "examples": 8},
    "ferbach-covariance": {"recipe": "digits-mlp-32", "networks": 2},
    "width-without-permutation": {"data": "digits", "widths": "8,16", "pairs": 1, "epochs": 3},
    "lmc-over-training": {"data": "digits", "width": 16, "epochs": 3, "spawned": "1", "pairs": 1},
    "repair-resnet20": {
        "data": "digits",
        "factors": "0.125",
        "epochs": 1,
        "train_examples": 300,
        "test_examples": 200,
    },
    "akash-cifar": {
        "data": "digits",
        "width": 0.05,
        "epochs": 1,
        "tuned": 1,
        "train_examples": 300,
        "test_examples": 200,
    },
    "akash-planes": {"kinds": "fully connected,LSTM", "points": 3, "test_examples": 100},
    "residual-toy": {"draws": 3, "width": 10, "stream": 20},
}
SHORT = replace(RECIPES["digits-mlp-32"], schedule="constant", epochs=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the networks of the small experiments are kept."""
    return tmp_path_factory.mktemp("trained")


@pytest.fixture(scope="module")
def results(folder, tmp_path_factory):
    """Name → what the experiment wrote, on first use."""
    found = {}

    def result(name):
        if name not in found:
            out = tmp_path_factory.mktemp(name)
            settings = {**TINY[name], **({} if name == "residual-toy" else {"keep": folder})}
            words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
            assert main(["reproduce", name, *words, "--out", str(out), "--json"]) == 0
            found[name] = out
        return found[name], json.loads((found[name] / "result.json").read_text())

    return result


def test_every_experiment_is_tried_here():
    assert set(TINY) == set(EXPERIMENTS)


@pytest.mark.parametrize("name", TINY)
def test_an_experiment_writes_its_table_its_result_and_a_figure_that_needs_nothing_else(results, name):
    out, result = results(name)
    with (out / "table.csv").open() as file:
        table = list(csv.DictReader(file))
    page = (out / "figure.html").read_text()
    assert [list(row) for row in result["rows"]] == [list(row) for row in table]
    assert [row["method"] for row in table] == [row["method"] for row in result["rows"]]
    assert result["command"].startswith(f"python -m lmc_core reproduce {name} --set ")
    assert "keep=" not in result["command"]
    assert "Plotly.newPlot" in page
    assert "<script src=" not in page
    named = {row["method"] for row in result["rows"]}
    assert all(name in page or json.dumps(name)[1:-1] in page for name in named)


@pytest.mark.parametrize("name", [name for name in TINY if name != "residual-toy"])
def test_every_number_of_a_table_is_the_mean_over_the_runs_behind_its_row(results, name):
    _, result = results(name)
    assert not behind.unexplained(result)
    found = list(behind.means(result))
    assert [told for told, _ in found] == pytest.approx([mean for _, mean in found], rel=1e-6, abs=1e-9)


def test_a_run_of_shipped_networks_names_the_request_that_asks_for_the_same(results):
    _, result = results("vit-mnist")
    found = {run["row"]["method"]: run["opens"] for run in result["runs"]}
    pair = {"kind": "path", "a": "digits-vit/seed0", "b": "digits-vit/seed1", "data": "digits"}
    repaired = found["full symmetry, by responses, REPAIR"]
    assert repaired == {
        **pair,
        "method": "full-symmetry-matching",
        "settings": {"compare": "responses"},
        "recalibrate": "repair",
    }
    assert found["learned matching"]["settings"] == {"steps": 20}
    assert found["learned matching of a shuffled B"] is None
    for name in TINY:
        for run in results(name)[1].get("runs", ()):
            if opens := dict(run["opens"] or {}):
                Request.of(opens.pop("kind"), **opens)
    assert not any(run["opens"] for run in results("recurrent-mnist")[1]["runs"])


def test_an_experiment_answers_with_one_json_object(capsys):
    assert main(["reproduce", "residual-toy", "--set", "draws=1", "--set", "width=5", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["experiment"] == "residual-toy"
    assert [row["of"] for row in answer["rows"]] == [1] * len(answer["rows"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nonsense"], "there is no experiment"),
        (["residual-toy", "--set", "nonsense=1"], "has no setting"),
        (["residual-toy", "--set", "draws=0"], "is not a whole number from 1"),
        (["residual-toy", "--out", "table.pdf"], "must end in"),
    ],
)
def test_wrong_arguments_are_refused_before_the_work(capsys, words, said):
    assert main(["reproduce", *words]) == 2
    assert said in capsys.readouterr().err


def test_the_split_gives_every_4_to_one_network_and_none_to_the_other():
    data = dataset("digits")
    parts = skill_transfer.split(data, 4, seed=0)
    assert (parts.a.y_train == 4).sum() == (data.y_train == 4).sum() > 100
    assert not (parts.b.y_train == 4).any()
    assert len(parts.a.y_train) + len(parts.b.y_train) == len(data.y_train)
    others = (data.y_train != 4).sum()
    assert 0.85 < len(parts.b.y_train) / others < 0.95
    assert set(parts.a.y_train) == set(range(10))
    assert parts.a.x_test is data.x_test
    assert skill_transfer.split(data, 4, seed=1).b.digest != parts.b.digest == skill_transfer.split(data, 4, 0).b.digest


def test_both_networks_of_a_skill_transfer_start_alike():
    a, b = (replace(r, epochs=1, rate=1e-12) for r in skill_transfer.recipes("digits", 4, 0.1))
    data = dataset("digits")
    first, second = train(a, 3, data=data), train(b, 3, data=data)
    for name, tensor in first.state.items():
        np.testing.assert_allclose(tensor, second.state[name], atol=1e-6)


def test_weights_1_and_0_give_the_parents_back(results):
    _, result = results("skill-transfer")
    exact = ["Wasserstein barycentre", "OT fusion", "vanilla average"]
    for start in ("same", "different"):
        found = result["accuracies"][start]
        for title in exact:
            assert len(found[title]) == 3
            assert found[title][0] == pytest.approx(found["B"][0])
            assert found[title][-1] == pytest.approx(found["A"][0])


def test_the_accuracy_of_a_skill_transfer_is_that_of_its_parts(results):
    _, result = results("skill-transfer")
    share = float((dataset("digits").y_test == 4).mean())
    for row in result["rows"]:
        assert row["accuracy"] == pytest.approx(share * row["on the skill"] + (1 - share) * row["on the rest"])


def test_the_barycentre_of_two_networks_by_exact_plans_is_their_ot_fusion(results):
    _, result = results("akash-mnist")
    found = result["accuracies"]["2 into 40-20-10"]
    assert found["Wasserstein barycentre"] == found["OT fusion"] != found["vanilla average"]


def test_of_two_networks_of_equal_widths_no_unit_moves_after_the_first_round(results):
    _, result = results("barycentre-moves")
    rows = {(row["networks"], row["method"]): row for row in result["rows"]}
    still = rows[2.0, "equal widths"]
    assert still["moved"] == 0
    assert still["accuracy after one round"] == still["accuracy in the end"]
    assert rows[3.0, "half the widths"]["moved"] > 0


def test_networks_are_fused_into_other_widths_but_by_methods_that_can(results):
    _, result = results("akash-mnist")
    for case in ("2 into 80-40-20", "2 into 20-10-5"):
        found = result["accuracies"][case]
        assert {"Wasserstein barycentre", "OT fusion"} <= set(found)
        assert not {"vanilla average", "MergeMany"} & set(found)


def test_alignment_lowers_the_loss_half_way_in_the_published_experiment(results):
    _, result = results("ferbach-mnist")
    loss = {row["method"]: row["value"] for row in result["rows"] if row["quantity"].startswith("test loss")}
    naive = loss.pop("no alignment")
    assert all(value < naive / 2 for value in loss.values())
    assert len(result["losses"]["0.1"]["activation matching"]) == 2
    assert len(result["losses"]["0.1"]["the networks themselves"]) == 4


def test_a_folded_network_is_the_same_function_without_batch_norm():
    net = train(replace(_deep.recipe("digits", 3, 16, 3), warmup=0), 0, data=dataset("digits"))
    plain = _deep.folded(net)
    assert not any("norm" in name for name in plain.state)
    x = net.prepare(torch.from_numpy(dataset("digits").x_test[:50]))
    torch.testing.assert_close(plain(x), net(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_networks_trained_as_one_stack_are_those_trained_alone(optimiser):
    recipe = replace(RECIPES["digits-mlp-32"], epochs=2, optimiser=optimiser, rate=0.01, weight_decay=1e-3)
    plan = [(recipe, 0), (replace(recipe, rate=0.003), 1), (recipe, 5)]
    for (each, seed), net in zip(plan, train_together(plan, data=dataset("digits")), strict=True):
        for name, tensor in train(each, seed, data=dataset("digits")).state.items():
            torch.testing.assert_close(net.state[name], tensor, rtol=1e-4, atol=1e-5)


def test_recipes_that_cannot_share_a_stack_are_refused():
    with pytest.raises(SettingError, match="cannot be trained as one stack"):
        train_together([(SHORT, 0), (replace(SHORT, epochs=3), 0)], data=dataset("digits"))
    assert not stackable(RECIPES["digits-cnn"])
    assert not stackable(_deep.recipe("digits", 3, 16, 3))


def test_of_several_readings_of_a_covariance_the_first_is_the_method_itself(results):
    """One pass over an MLP is exact, so that the method of the library finds the same."""
    _, result = results("ferbach-covariance")
    plan = [(RECIPES["digits-mlp-32"], number) for number in (0, 1)]
    nets = trained(plan, keep="none", data=[dataset("digits")] * 2, device="cpu", report=silent)
    given = {"examples": 0, "bias": False}
    path = aligned(nets[0], nets[1], "covariance-weight-matching", given, dataset("digits"), 0, silent)
    middle = measure(nets[0].with_state(path(0.5)), dataset("digits"), ("test",))["test"]["loss"]
    assert result["losses"]["Σ of A"] == pytest.approx([middle], rel=0.05)


def test_spawned_runs_are_one_run_until_they_part():
    recipe = lmc_over_training.step("digits", "mlp", 8)
    first, second = (
        list(lmc_over_training.runs(recipe, dataset("digits"), 2, 1, 0, own, "cpu", silent)) for own in (0, 1)
    )
    whole = list(lmc_over_training.runs(recipe, dataset("digits"), 2, None, 5, 0, "cpu", silent))
    assert len(first) == len(second) == 1
    assert first[0].fingerprint == whole[1].fingerprint != second[0].fingerprint


def test_an_experiment_that_was_stopped_goes_on_where_it_was(tmp_path):
    """A first run is stopped in its middle; the second neither trains nor measures again what the first did."""
    words = {**TINY["ferbach-mnist"], "epochs": 2, "keep": str(tmp_path)}
    settings = {option.name: option.parse(str(words[option.name])) for option in ferbach_mnist.PARAMETERS}

    def stopping(stage, done, total):
        if stage.startswith("training network 1") and len(list(tmp_path.glob("*.safetensors"))) == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        ferbach_mnist.reproduce(**settings, report=stopping)
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.*")}
    assert len(list((tmp_path / "found").iterdir())) == 2
    found = ferbach_mnist.reproduce(**settings)
    assert {file: file.stat().st_mtime_ns for file in before} == before
    again = ferbach_mnist.reproduce(**settings, report=stopping)
    assert again.json == found.json == ferbach_mnist.reproduce(**{**settings, "keep": "none"}).json


@pytest.mark.parametrize("name", [name for name in TINY if name != "residual-toy"])
def test_an_experiment_is_written_again_from_its_numbers_alone(results, folder, tmp_path, monkeypatch, name):
    """Every number is kept once measured: with all networks gone, the same table comes without any training."""
    _, result = results(name)
    copytree(folder / "found", tmp_path / "found")

    def refused(*_, **__):
        raise AssertionError("a network was wanted again")

    monkeypatch.setattr(_work, "trained", refused)
    module = import_module(f"lmc_core.training.reproduce.{name.replace('-', '_')}")
    parsed = {option.name: option for option in module.PARAMETERS}
    settings = {key: parsed[key].parse(str(value)) for key, value in {**TINY[name], "keep": tmp_path}.items()}
    again = module.reproduce(**settings).json
    assert json.loads(json.dumps(again)) == {key: result[key] for key in again}


def test_a_shipped_network_is_read_by_its_recipe_and_not_trained(tmp_path):
    data = dataset("digits")
    recipe = RECIPES["digits-mlp-32"]
    trained(
        [(replace(recipe, title="of another name"), 0)], keep=str(tmp_path), data=[data], device="cpu", report=silent
    )
    assert not list(tmp_path.iterdir())
    assert shipped(recipe, 0, data)
    assert not shipped(replace(recipe, rate=0.3), 0, data)
    assert not shipped(recipe, 0, replace(data, y_train=data.y_train[::-1].copy()))
    assert not shipped(recipe, 1000, data)


def test_repair_corrects_layers_without_biases_too():
    """What cannot be folded into a bias is part of what is scored, as it is where a path is evaluated."""
    recipe = rebasin_width.resnet("digits", 0.25, 2, "ln", 64)
    data = dataset("digits")
    a, b = (train(replace(recipe, warmup=0), seed, data=data) for seed in (0, 1))
    assert not any(name.startswith("conv") and name.endswith("bias") for name in a.state)
    scores = halfway("identity", {}, data, examples=0, report=silent, after=["repair"])(a, b)
    path = aligned(a, b, "identity", {}, data, 0, silent)
    (curve,) = evaluate_many([path], data, at=[0, 0.5, 1], recalibrate="repair", splits=("test",))
    assert scores["repair"]["loss"] == pytest.approx(curve.values["test"]["loss"][1], rel=1e-5)
    assert abs(scores["repair"]["loss"] / scores["plain"]["loss"] - 1) > 1e-3


def test_recurrent_networks_are_fused_in_all_pairs_of_a_kind(results):
    _, result = results("recurrent-mnist")
    for cell in ("lstm", "rnn"):
        found = result["accuracies"][cell]
        assert len(found["OT fusion"]) == 3
        assert found["OT fusion"] == found["without hidden-to-hidden weights"] != found["Gromov–Wasserstein barycentre"]
    assert {row["cell"] for row in result["rows"]} == {"LSTM", "RNN"}


def test_kept_networks_are_read_again_and_not_trained_again(results, folder):
    results("akash-mnist")
    data = dataset("digits")
    recipe = akash_mnist.recipe(3, 60_000, "digits", 0.1)
    stages = []

    def report(stage, done, total):
        stages.append(stage)

    plan = [(recipe, 43), (recipe, 348)]
    before = {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}
    nets = trained(plan, keep=str(folder), data=[data, data], device="cpu", report=report)
    assert not stages
    assert {file.name: file.stat().st_mtime_ns for file in folder.iterdir()} == before
    assert nets[0].fingerprint == train(recipe, 43, data=data).fingerprint != nets[1].fingerprint


def test_another_recipe_seed_or_example_is_trained_anew(tmp_path):
    data = dataset("digits")
    other = replace(data, y_train=data.y_train[::-1].copy())
    named = {filename(r, s, d) for r in (SHORT, replace(SHORT, rate=0.05)) for s in (0, 1) for d in (data, other)}
    assert len(named) == 8
    assert filename(replace(SHORT, title=SHORT.title), 0, data) in named
    trained([(SHORT, 0)], keep=str(tmp_path), data=[data], device="cpu", report=lambda *_: None)
    trained([(SHORT, 0)], keep="none", data=[data], device="cpu", report=lambda *_: None)
    assert [file.name for file in tmp_path.iterdir()] == [filename(SHORT, 0, data)]


def test_the_network_that_does_best_on_the_examples_kept_apart_is_the_result():
    recipe = replace(SHORT, epochs=8, rate=0.5, validation=0.25, validation_seed=1)
    data = dataset("digits")
    best = train(recipe, 0, data=data)
    about = best.metadata["validation"]
    assert about["epoch"] < recipe.epochs
    assert best.fingerprint == train(replace(recipe, epochs=about["epoch"]), 0, data=data).fingerprint
    chosen = measure(best, data)["train"]["accuracy"] * len(data.y_train)
    kept = round(0.25 * len(data.y_train))
    fitted = best.metadata["accuracy"]["train"] * (len(data.y_train) - kept)
    assert chosen == pytest.approx(fitted + about["accuracy"] * kept)


def test_the_dimension_of_a_planted_law_is_found_in_three_ways():
    found = w2_rate.planted((2, 6, 16), 6, (32, 64, 128, 256), 0, silent)
    for way in (w2_rate.SWEEP, w2_rate.SUBSETS, w2_rate.NEIGHBOURS):
        for law in w2_rate.LAWS:
            told = [w2_rate.summed(ways[way])[0] for (_, name, _), ways in found.items() if name.startswith(law)]
            assert told == sorted(told)
            assert told[1] == pytest.approx(6, rel=0.25)


def test_units_that_only_changed_places_are_found_again_by_every_reading_of_repair():
    data = dataset("digits")
    net = train(replace(_deep.recipe("digits", 3, 16, 3), warmup=0), 0, data=data)
    state = dict(net.state)
    for layer in (1, 2, 3):
        order = torch.randperm(16, generator=torch.Generator().manual_seed(layer))
        for name in repair_readings.own_tensors(state, layer):
            state[name] = state[name][order]
        state[f"fc{layer + 1}.weight"] = state[f"fc{layer + 1}.weight"][:, order]
    shuffled = net.with_state(state)
    for reading in repair_readings.READINGS.values():
        if reading.matched != "weights":
            back = repair_readings.matched(net, shuffled, reading, data)
            same = [(back.state[f"fc{i}.weight"] == net.state[f"fc{i}.weight"]).all(1) for i in (1, 2, 3)]
            assert float(torch.cat(same).float().mean()) > (0.99 if reading.first else 0.9)  # dead units without norm


def test_the_first_reading_of_aligned_networks_is_the_method_of_the_other_tables(results, folder):
    _, result = results("repair-readings")
    recipe = _deep.recipe("digits", 3, 16, 20)
    data = dataset("digits")
    nets = trained([(recipe, 0), (recipe, 1)], keep=str(folder), data=[data] * 2, device="cpu", report=silent)
    method, given = _deep.ALIGNED
    path = aligned(*map(_deep.folded, nets), method, given, data, 0, silent)
    middle = measure(_deep.folded(nets[0]).with_state(path(0.5)), data, ("test",))["test"]
    assert result["scores"][repair_readings.MAIN][0]["aligned"]["loss"] == pytest.approx(middle["loss"], rel=0.02)
