"""What tensors do not tell and examples do: activation, heads, what a shortcut reads."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from lmc_core.data.registry import dataset
from lmc_core.networks import reading
from lmc_core.networks.checkpoint import load
from lmc_core.networks.families import architecture, build
from lmc_core.networks.fit import other_size
from lmc_core.networks.reading import decided, sized
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


IMAGES = {
    "of 28 pixels, padded": {"stages": [[6], [16]], "kernel": [5], "padding": [2, 0], "input_shape": [1, 28, 28]},
    "of 32 pixels, not padded": {"stages": [[6], [16]], "kernel": [5], "padding": [0], "input_shape": [1, 32, 32]},
    "of 8 pixels": {"stages": [[6], [16]], "input_shape": [1, 8, 8]},
    "averaged at the end": {"stages": [[6], [16]], "pooled": [1], "head": "mean", "input_shape": [1, 28, 28]},
}


@pytest.mark.parametrize("options", IMAGES.values(), ids=IMAGES)
def test_images_of_a_size_that_no_tensor_tells_are_read_in_the_size_of_the_data(options, tmp_path) -> None:
    module = build(architecture("cnn", hidden=[20], **options))
    torch.save(module.state_dict(), tmp_path / "net.pth")
    x = torch.from_numpy(np.random.default_rng(0).random((4, *options["input_shape"]), dtype=np.float32))

    def read(arch):
        return load(tmp_path / "net.pth", arch=arch)

    found = sized(read, {}, options["input_shape"], "some images")
    torch.testing.assert_close(found(x), module(x))
    (said,) = (a for a in found.assumptions if a.option == "input_shape")
    assert list(said.value) == options["input_shape"]
    other = sized(read, {}, (1, 3, 3), "tiny images")
    if options.get("head") != "mean":
        assert other.architecture == read({}).architecture, "its tensors allow no image of 3 × 3"
        assert other_size(other, (1, 3, 3)) == "", "and nobody is told to say that it reads one"


def test_what_a_person_says_of_the_size_of_images_stands(tmp_path) -> None:
    options = IMAGES["of 28 pixels, padded"]
    torch.save(build(architecture("cnn", hidden=[20], **options)).state_dict(), tmp_path / "net.pth")
    found = sized(lambda arch: load(tmp_path / "net.pth", arch=arch), {"input_shape": "1x32x32"}, (28, 28), "mnist")
    assert found.example_inputs[0].shape[1:] == (1, 32, 32)


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
