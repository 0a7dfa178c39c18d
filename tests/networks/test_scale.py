"""The scale of inputs that no file tells: recognised on training examples, read as people type it, doubted."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from lmc_core.cli import main
from lmc_core.data.registry import dataset
from lmc_core.errors import SettingError
from lmc_core.networks.checkpoint import load
from lmc_core.networks.families import architecture
from lmc_core.networks.scale import fitted, usual
from lmc_core.networks.values import Normalize, parse_normalize, read_normalize
from lmc_core.training.train import Recipe, train

HELD = Path(os.environ.get("LMC_DATA", "nowhere"))
MLP = {"digits": (64, 32, 10), "mnist": (784, 32, 10)}
HALF = Normalize((0.5,), (0.5,))


def bare(network, file: Path) -> str:
    """The network as somebody else's file: tensors and nothing else."""
    network.save(file)
    save_file({name: np.array(x) for name, x in load_file(file).items()}, file)
    return str(file)


def trained(data: str, normalize: Normalize | None, seed: int = 0):
    if data in MLP:
        made = architecture("mlp", widths=MLP[data], input_shape=dataset(data).shape)
    else:
        made = architecture("cnn", stages=((8,), (16,)), input_shape=(3, 32, 32))
    how = {
        "optimiser": "adam",
        "rate": 5e-3,
        "batch": 50,
        "epochs": {"digits": 30, "mnist": 10, "cifar10": 4}[data],
        "train_examples": 2000,
    }
    return train(Recipe("tiny", made, data, normalize=normalize, **how), seed)


@pytest.mark.parametrize(
    ("data", "number"), [("digits", 0), ("digits", 1), ("digits", 2), ("mnist", 1), ("mnist", 2), ("cifar10", 1)]
)
def test_the_normalisation_of_a_trained_network_is_recognised(data: str, number: int, tmp_path: Path) -> None:
    """none, the data's own, 0.5/0.5."""
    if data != "digits" and not (HELD / data).is_dir():
        pytest.skip(f"LMC_DATA holds no {data} folder")
    wanted = usual(dataset(data))[number]
    file = bare(trained(data, wanted), tmp_path / "theirs.safetensors")
    (found,) = fitted([load(file)], dataset(data))
    assert found.normalize == wanted
    (said,) = (a for a in found.assumptions if a.option == "normalize")
    assert said.value == (None if wanted is None else [list(wanted.mean), list(wanted.std)])
    assert f"training examples of {data}" in said.why
    assert fitted([load(file, normalize="0.2/0.4")], dataset(data))[0].normalize == Normalize((0.2,), (0.4,))


def test_the_usual_normalisation_of_cifar_and_mnist_is_the_published_one() -> None:
    if not (HELD / "cifar10").is_dir() or not (HELD / "mnist").is_dir():
        pytest.skip("LMC_DATA holds no mnist or cifar10 folder")
    assert usual(dataset("mnist"))[1] == Normalize((0.1307,), (0.3081,))
    assert usual(dataset("cifar10"))[1] == Normalize((0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616))


@pytest.mark.parametrize(
    "text",
    [
        "0.5,0.4,0.3/0.2,0.1,0.1",
        "0.5, 0.4, 0.3 / 0.2, 0.1, 0.1",
        "[0.5, 0.4, 0.3], [0.2, 0.1, 0.1]",
        "(.5 .4 .3)/(.2 .1 .1)",
    ],
)
def test_a_list_per_channel_is_read_as_people_type_it(text: str) -> None:
    assert parse_normalize(text) == ((0.5, 0.4, 0.3), (0.2, 0.1, 0.1))


@pytest.mark.parametrize("text", ["0.1307/0.3081", "0.1307, 0.3081", "[[0.1307], [0.3081]]", " 0.1307 / 0.3081 "])
def test_one_mean_and_deviation_are_read_as_people_type_them(text: str) -> None:
    assert read_normalize(text) == Normalize((0.1307,), (0.3081,))


@pytest.mark.parametrize("text", ["", "0.5", "mnist", "1/2/3", "0.1,0.2,0.3", "/"])
def test_what_is_no_mean_and_deviation_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="is not mean/std"):
        parse_normalize(text)


def test_a_path_between_files_states_the_normalisation_and_doubts_one_that_reads_them_wrongly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [bare(trained("digits", HALF, seed), tmp_path / f"{seed}.safetensors") for seed in (0, 1)]
    assert main(["path", *files, "--points", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert all(
        {a["option"]: a["value"] for a in m["assumptions"] if a["option"] == "normalize"}
        == {"normalize": [[0.5], [0.5]]}
        for m in found["models"]
    )
    assert "read wrongly" not in found["finding"]
    assert main(["path", *files, "--points", "2", "--normalize", "none", "--json"]) == 0
    wrong = json.loads(capsys.readouterr().out)
    assert "A is read with inputs none" in wrong["finding"]
    assert "0.5/0.5" in wrong["finding"]
    assert wrong["naive"]["test"]["accuracy"][0] < found["naive"]["test"]["accuracy"][0]


@pytest.mark.parametrize("name", ["digits-mlp-32", "digits-mlp-128", "digits-mlp-512", "digits-cnn", "digits-lstm"])
def test_shipped_networks_that_read_raw_images_are_read_raw(name: str, tmp_path: Path) -> None:
    file = bare(load(f"checkpoints/{name}/seed0.safetensors"), tmp_path / "theirs.safetensors")
    assert fitted([load(file)], dataset("digits"))[0].normalize is None
