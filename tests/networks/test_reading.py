"""What tensors do not tell and examples do: activation, heads, what a shortcut reads."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from lmc_core.data.registry import dataset
from lmc_core.networks import reading
from lmc_core.networks.checkpoint import load
from lmc_core.networks.families import architecture
from lmc_core.networks.reading import decided
from lmc_core.training.train import Recipe, train

TRAINED = {
    "tanh": ("mlp", {"widths": (64, 24, 10), "input_shape": (8, 8)}, {"activation": "tanh"}),
    "sigmoid": ("mlp", {"widths": (64, 24, 10), "input_shape": (8, 8)}, {"activation": "sigmoid"}),
    "GELU and averaged": ("recurrent", {"features": 8, "hidden": 16, "steps": 8, "cell": "gru"}, {"read": "mean"}),
    "two heads": (
        "transformer",
        {"width": 16, "depth": 1, "patch": 2, "input_shape": (1, 8, 8)},
        {"heads": 2},
    ),
    "a shortcut that reads the input": (
        "resnet",
        {"blocks": (1, 1), "widths": (8, 16), "input_shape": (1, 8, 8), "norm_first": True},
        {"shortcut_reads": "input"},
    ),
    "the usual": ("mlp", {"widths": (64, 24, 10), "input_shape": (8, 8)}, {"activation": "relu"}),
}


def shape(made) -> dict[str, str]:
    """What names the size of its images to a reader."""
    return {} if made.architecture.family == "recurrent" else {"input_shape": "1x8x8"}


def bare(network, file: Path) -> Path:
    """The network as somebody else's file: tensors and nothing else."""
    network.save(file)
    save_file({name: np.array(x) for name, x in load_file(file).items()}, file)
    return file


@pytest.fixture(params=TRAINED, scope="module")
def theirs(request, tmp_path_factory):
    """A trained network's bare file, and what its tensors do not tell."""
    family, options, hidden = TRAINED[request.param]
    how = {"optimiser": "adam", "rate": 5e-3, "batch": 50, "epochs": 6}
    made = train(Recipe("tiny", architecture(family, **options, **hidden), "digits", **how), 0)
    return bare(made, tmp_path_factory.mktemp("theirs") / "net.safetensors"), hidden, made


def test_examples_decide_between_readings_that_the_same_tensors_allow(theirs) -> None:
    file, hidden, made = theirs
    ((option, wanted),) = hidden.items()
    data = dataset("digits")
    (found,) = decided(
        [load(file, arch={"input_shape": "1x8x8"} if made.architecture.family != "recurrent" else {})], data
    )
    assert found.architecture.options[option] == wanted
    (said,) = (a for a in found.assumptions if a.option == option)
    assert said.value == wanted
    assert f"training examples of {data.name}" in said.why
    assert all(str(other) in said.why for other in said.others)


def test_examples_decide_how_a_language_model_is_read(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(reading, "SECONDS", 600.0)
    data = dataset("text").drawn(600, 50)
    made = architecture("gpt", width=16, depth=1, activation="sigmoid")
    net = train(Recipe("tiny", made, "text", "adam", rate=2e-2, batch=20, epochs=6), 0, data=data)
    (found,) = decided([load(bare(net, tmp_path / "net.safetensors"))], data)
    (said,) = (a for a in found.assumptions if a.option == "activation")
    assert said.value == found.architecture.options["activation"] == "sigmoid"
    assert "gelu" in said.why


def test_what_a_person_says_is_not_tried(theirs) -> None:
    file, hidden, made = theirs
    (option,) = hidden
    other = {"activation": "elu", "read": "last", "heads": 1, "shortcut_reads": "activation"}[option]
    (found,) = decided([load(file, arch={**shape(made), option: other})], dataset("digits"))
    assert found.architecture.options.get(option, "activation") == other
    assert option not in {a.option for a in found.assumptions}


def test_readings_that_there_is_no_time_for_are_named(theirs, monkeypatch: pytest.MonkeyPatch) -> None:
    file, _, made = theirs
    monkeypatch.setattr(reading, "SECONDS", 0.0)
    (found,) = decided([load(file, arch=shape(made))], dataset("digits"))
    assert all("training examples" not in a.why or a.option == "normalize" for a in found.assumptions)
