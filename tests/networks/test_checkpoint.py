"""Files of every common format become networks that compute what the original modules compute."""

from __future__ import annotations

import itertools
import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import lmc_core as lmc
from lmc_core.errors import CheckpointError, MismatchError, RecogniseError, SettingError
from lmc_core.networks.families import FAMILIES, architecture, build, example_inputs
from lmc_core.networks.fit import mismatch
from lmc_core.networks.network import Network, network
from lmc_core.networks.values import Normalize


class BiasFree(nn.Module):
    """x (b, 64) → (b, 10), fc1 … fc4 without bias."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(64, 40, bias=False), nn.Linear(40, 30, bias=False)
        self.fc3, self.fc4 = nn.Linear(30, 20, bias=False), nn.Linear(20, 10, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        for layer in (self.fc1, self.fc2, self.fc3):
            x = layer(x).relu()
        return self.fc4(x)


class ConvNet(nn.Module):
    """x (b, 1, 28, 28) → (b, 10): two padded convolutions, each pooled, and two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 12, 3, padding=1)
        self.fc1, self.fc2 = nn.Linear(12 * 49, 24), nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.conv1(x).relu(), 2)
        x = F.max_pool2d(self.conv2(x).relu(), 2)
        return self.fc2(self.fc1(x.flatten(1)).relu())


class Reader(nn.Module):
    """x (b, steps, 8) → (b, 10): two LSTM layers, the last step classified."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 16, 2, batch_first=True)
        self.fc = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.lstm(x)[0][:, -1])


class Block(nn.Module):
    """A CIFAR block whose shortcut has no parameters: every second pixel, zeros for the new channels."""

    def __init__(self, n: int, m: int, stride: int):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(n, m, 3, stride, 1, bias=False), nn.BatchNorm2d(m)
        self.conv2, self.bn2 = nn.Conv2d(m, m, 3, 1, 1, bias=False), nn.BatchNorm2d(m)
        self.extra, self.stride = (m - n) // 2, stride

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        if self.stride != 1:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.extra, self.extra))
        return (x + y).relu()


class ResNet20(nn.Module):
    """x (b, 3, 32, 32) → (b, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        for i, (n, m, stride) in enumerate([(16, 16, 1), (16, 32, 2), (32, 64, 2)], 1):
            blocks = [Block(n, m, stride), Block(m, m, 1), Block(m, m, 1)]
            self.add_module(f"layer{i}", nn.Sequential(*blocks))
        self.linear = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn1(self.conv1(x)).relu()
        for i in (1, 2, 3):
            x = self.get_submodule(f"layer{i}")(x)
        return self.linear(x.mean((2, 3)))


def numbered() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 24), nn.ReLU(), nn.Linear(24, 10))


def plain(module: nn.Module) -> object:
    return module.state_dict()


def parallel(module: nn.Module) -> object:
    """As a script with data parallelism and an optimiser keeps it."""
    state = OrderedDict((f"module.{k}", v) for k, v in module.state_dict().items())
    optimiser = torch.optim.SGD(module.parameters(), 0.1, momentum=0.9)
    sum(p.sum() for p in module.parameters()).backward()  # type: ignore[union-attr]
    optimiser.step()
    return {
        "epoch": 3,
        "arch": "resnet20",
        "best_prec1": 0.91,
        "state_dict": state,
        "optimizer": optimiser.state_dict(),
    }


def compiled(module: nn.Module) -> object:
    return {"model": {f"_orig_mod.{k}": v for k, v in module.state_dict().items()}, "args": {"lr": 0.1}}


STYLES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], Callable[[nn.Module], object]]] = {
    "bias-free-mlp": (BiasFree, (64,), plain),
    "conv-net": (ConvNet, (1, 28, 28), plain),
    "lstm-classifier": (Reader, (8, 8), plain),
    "resnet-20": (ResNet20, (3, 32, 32), parallel),
    "numbered-sequential": (numbered, (1, 8, 8), plain),
    "compiled-mlp": (BiasFree, (64,), compiled),
}


def trained(make: Callable[[], nn.Module], shape: tuple[int, ...], *, steps: int = 3, seed: int = 0) -> nn.Module:
    """A module after a few steps on random examples, so that norms and their statistics are not at their defaults."""
    torch.manual_seed(seed)
    module = make()
    optimiser = torch.optim.SGD(module.parameters(), 0.05, momentum=0.9)
    x, y = torch.randn(16, *shape), torch.randint(10, (16,))
    for _ in range(steps):
        optimiser.zero_grad()
        F.cross_entropy(module(x), y).backward()
        optimiser.step()
    return module.eval()


def assert_same_function(found: Network, module: nn.Module, shape: tuple[int, ...]) -> None:
    x = torch.randn(5, *shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = module(x)
    got = found(x.reshape(5, *found.example_inputs[0].shape[1:]))
    torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("style", STYLES)
def test_a_file_of_another_project_computes_what_its_module_computed(style: str, legacy: bool, tmp_path: Path) -> None:
    make, shape, kept = STYLES[style]
    module = trained(make, shape)
    path = tmp_path / "model.pth"
    state = kept(module)
    torch.save(state, path, _use_new_zipfile_serialization=not legacy)
    found = lmc.load(str(path))
    assert_same_function(found, module, shape)
    assert found.parameters == sum(v.numel() for v in module.state_dict().values())


@pytest.mark.parametrize("style", STYLES)
def test_a_file_of_another_project_is_given_back_under_its_own_names(style: str, tmp_path: Path) -> None:
    make, shape, kept = STYLES[style]
    module = trained(make, shape)
    source, back = tmp_path / "model.pt", tmp_path / "back.safetensors"
    torch.save(kept(module), source)
    found = lmc.load(str(source))
    found.save(back, names="original")
    written = {
        k.removeprefix("module.").removeprefix("_orig_mod."): v for k, v in safetensors.torch.load_file(back).items()
    }
    module.load_state_dict(written)
    assert_same_function(found, module, shape)
    assert lmc.load(str(back)).fingerprint == found.fingerprint


def test_a_foreign_safetensors_file_is_recognised_too(tmp_path: Path) -> None:
    module = trained(BiasFree, (64,))
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file({f"model.{k}": v for k, v in module.state_dict().items()}, path)
    found = lmc.load(str(path))
    assert_same_function(found, module, (64,))
    assert found.metadata["names"]["fc1.weight"] == "model.fc1.weight"


def test_half_precision_numbers_are_read_as_single_precision(tmp_path: Path) -> None:
    module = trained(BiasFree, (64,))
    torch.save({k: v.bfloat16() for k, v in module.state_dict().items()}, tmp_path / "half.pt")
    found = lmc.load(str(tmp_path / "half.pt"))
    assert {v.dtype for v in found.state.values()} == {torch.float32}
    assert_same_function(found, module.bfloat16().float(), (64,))


@pytest.mark.parametrize("suffix", [".pt", ".ckpt", ".th", ".bin", ".model"])
def test_the_format_is_told_by_content_and_not_by_name(suffix: str, tmp_path: Path) -> None:
    module = trained(BiasFree, (64,))
    safetensors.torch.save_file(dict(module.state_dict()), tmp_path / f"model{suffix}")
    assert_same_function(lmc.load(str(tmp_path / f"model{suffix}")), module, (64,))


def test_what_shapes_cannot_tell_is_an_assumption_that_the_user_overrides(tmp_path: Path) -> None:
    module = trained(BiasFree, (64,))
    path = str(tmp_path / "model.pt")
    torch.save(module.state_dict(), path)
    assumed = lmc.load(path)
    assert "activation" in {a.option for a in assumed.assumptions}
    told = lmc.load(path, arch={"activation": "tanh"}, normalize=(0.5, 0.25))
    assert "activation" not in {a.option for a in told.assumptions}
    assert "normalize" not in {a.option for a in told.assumptions}
    assert told.normalize == Normalize((0.5,), (0.25,))
    x = torch.randn(3, 64)
    h = x
    for layer in (module.fc1, module.fc2, module.fc3):  # type: ignore[union-attr]
        h = layer(h).tanh()  # type: ignore[operator]
    torch.testing.assert_close(told(x), module.fc4(h).detach())  # type: ignore[operator]
    assert not torch.allclose(told(x), assumed(x))


def test_an_option_the_architecture_does_not_have_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "model.pt")
    torch.save(BiasFree().state_dict(), path)
    with pytest.raises(SettingError, match="colour"):
        lmc.load(path, arch={"colour": "red"})


@pytest.mark.parametrize("value", [(0.5, 0.0), (0.5,), ((0.1, 0.2), (0.3,)), ("a", "b"), 3])
def test_a_normalisation_that_makes_no_sense_is_refused(value: object, tmp_path: Path) -> None:
    path = str(tmp_path / "model.pt")
    torch.save(BiasFree().state_dict(), path)
    with pytest.raises(SettingError, match="normalize"):
        lmc.load(path, normalize=value)  # type: ignore[arg-type]


def test_of_several_state_dicts_the_trained_one_is_taken_and_the_choice_is_shown(tmp_path: Path) -> None:
    module, average = trained(BiasFree, (64,)), trained(BiasFree, (64,), steps=0)
    path = str(tmp_path / "model.pt")
    torch.save({"state_dict": module.state_dict(), "ema": average.state_dict()}, path)
    found = lmc.load(path)
    assert_same_function(found, module, (64,))
    assert [a.value for a in found.assumptions if a.option == "entry"] == ["state_dict"]
    assert_same_function(lmc.load(path, arch={"entry": "ema"}), average, (64,))
    with pytest.raises(CheckpointError, match="it holds 'state_dict', 'ema'"):
        lmc.load(path, arch={"entry": "teacher"})


def test_two_networks_in_one_file_are_not_guessed_between(tmp_path: Path) -> None:
    path = str(tmp_path / "model.pt")
    torch.save({"generator": BiasFree().state_dict(), "critic": BiasFree().state_dict()}, path)
    with pytest.raises(CheckpointError, match="entry="):
        lmc.load(path)


def test_parameters_saved_as_parameters_are_read(tmp_path: Path) -> None:
    module = trained(BiasFree, (64,))
    torch.save(dict(module.named_parameters()), tmp_path / "model.pt")
    assert_same_function(lmc.load(str(tmp_path / "model.pt")), module, (64,))


def test_views_of_shared_numbers_are_read_as_they_are(tmp_path: Path) -> None:
    whole = torch.randn(64, 80)
    state = {"fc1.weight": whole[:, :40].t(), "fc2.weight": torch.randn(10, 80)[:, 1::2]}
    torch.save(state, tmp_path / "model.pt")
    found = lmc.load(str(tmp_path / "model.pt"))
    x = torch.randn(3, 64)
    wanted = (x @ state["fc1.weight"].t()).relu() @ state["fc2.weight"].t()
    torch.testing.assert_close(found(x), wanted)


def test_tensors_that_make_no_known_network_are_described(tmp_path: Path) -> None:
    path = str(tmp_path / "model.pt")
    torch.save({"a": torch.ones(3, 4, 5, 6, 7), "b": torch.ones(2)}, path)
    with pytest.raises(RecogniseError, match="pt2"):
        lmc.load(path)


# Our own files


SMALL: dict[str, dict[str, object]] = {
    "mlp": {"widths": (12, 9, 7, 4), "norm": "bn", "activation": "gelu"},
    "recurrent": {"features": 5, "hidden": 6, "classes": 4},
}


def small(family: str, seed: int = 0, **options: object) -> Network:
    """A network of a family with random numbers everywhere."""
    torch.manual_seed(seed)
    made = architecture(family, **{**SMALL[family], **options})
    module = build(made)
    for buffer in module.buffers():
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 2)
    details = {"title": "A small one", "recipe": {"name": "none", "steps": 3}, "accuracy": {"test": 0.5}}
    scale = Normalize((0.1,), (0.9,))
    return network(module, example_inputs(made), architecture=made, normalize=scale, metadata=details)


@pytest.mark.parametrize("family", SMALL)
def test_a_saved_network_comes_back_the_same(family: str, tmp_path: Path) -> None:
    one = small(family)
    one.save(str(tmp_path / "one.safetensors"))
    found = lmc.load(str(tmp_path / "one.safetensors"))
    assert found.fingerprint == one.fingerprint
    assert found.architecture == one.architecture
    assert found.normalize == one.normalize
    assert dict(found.metadata) == dict(one.metadata)
    assert found.assumptions == ()
    torch.testing.assert_close(found(*one.example_inputs), one(*one.example_inputs), rtol=0, atol=0)


def test_what_our_file_says_can_be_overridden_except_its_family(tmp_path: Path) -> None:
    path = str(tmp_path / "one.safetensors")
    small("mlp").save(path)
    told = lmc.load(path, arch={"activation": "tanh", "family": "mlp"})
    assert told.architecture is not None
    assert told.architecture.options["activation"] == "tanh"
    with pytest.raises(SettingError, match="of the family 'mlp'"):
        lmc.load(path, arch={"family": "cnn"})


def test_saving_twice_writes_the_same_bytes(tmp_path: Path) -> None:
    one = small("mlp")
    one.save(str(tmp_path / "a.safetensors"))
    lmc.load(str(tmp_path / "a.safetensors")).save(str(tmp_path / "b.safetensors"))
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_double_precision_survives(tmp_path: Path) -> None:
    one = small("mlp").to(dtype=torch.float64)
    one.save(str(tmp_path / "one.safetensors"))
    found = lmc.load(str(tmp_path / "one.safetensors"))
    assert found.fingerprint == one.fingerprint
    assert found(*found.example_inputs).dtype == torch.float64


def test_assumptions_made_once_are_kept_in_the_file(tmp_path: Path) -> None:
    torch.save(BiasFree().state_dict(), tmp_path / "theirs.pt")
    theirs = lmc.load(str(tmp_path / "theirs.pt"))
    theirs.save(str(tmp_path / "ours.safetensors"))
    ours = lmc.load(str(tmp_path / "ours.safetensors"))
    assert {a.option for a in ours.assumptions} == {a.option for a in theirs.assumptions} != set()
    told = lmc.load(str(tmp_path / "ours.safetensors"), arch={"activation": "relu"})
    assert "activation" not in {a.option for a in told.assumptions}


def test_loading_leaves_the_random_numbers_of_the_caller_alone(tmp_path: Path) -> None:
    small("mlp").save(str(tmp_path / "one.safetensors"))
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    lmc.load(str(tmp_path / "one.safetensors"))
    assert torch.equal(torch.rand(3), wanted)


def test_a_file_of_another_kind_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"saved as \.safetensors, \.pth or \.pt"):
        small("mlp").save(str(tmp_path / "one.npz"))
    assert list(tmp_path.iterdir()) == []


def test_every_shipped_checkpoint_says_what_it_is() -> None:
    files = sorted((Path(__file__).parents[2] / "checkpoints").glob("*/*.safetensors"))
    assert files
    for file in files:
        found = lmc.load(str(file))
        assert found.architecture is not None
        assert found.architecture.family in FAMILIES
        assert found.assumptions == ()


# Two files


def test_a_file_is_read_like_another_network_when_its_shapes_agree(tmp_path: Path) -> None:
    module, twin = trained(BiasFree, (64,)), trained(BiasFree, (64,), seed=1)
    torch.save(module.state_dict(), tmp_path / "a.pt")
    torch.save({f"module.other_{k}": v for k, v in twin.state_dict().items()}, tmp_path / "b.pt")
    a = lmc.load(str(tmp_path / "a.pt"), arch={"activation": "tanh"})
    b = lmc.load(str(tmp_path / "b.pt"), like=a)
    assert b.architecture == a.architecture
    assert torch.equal(b.state["fc3.weight"], twin.fc3.weight)  # type: ignore[union-attr]
    assert b.metadata["names"]["fc3.weight"] == "module.other_fc3.weight"
    assert mismatch(a, b) is None


def test_a_file_can_be_read_like_any_module(tmp_path: Path) -> None:
    class Odd(BiasFree):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.sin()) ** 2

    module = trained(Odd, (64,), seed=2)
    torch.save(module.state_dict(), tmp_path / "a.pt")
    found = lmc.load(str(tmp_path / "a.pt"), like=network(Odd(), torch.randn(2, 64)))
    assert_same_function(found, module, (64,))


def test_a_file_of_other_shapes_is_recognised_by_itself(tmp_path: Path) -> None:
    torch.save(trained(numbered, (64,)).state_dict(), tmp_path / "a.pt")
    other = network(BiasFree(), torch.randn(2, 64))
    assert lmc.load(str(tmp_path / "a.pt"), like=other).architecture is not None


def test_two_widths_do_not_fit_and_the_first_tensor_that_differs_is_named() -> None:
    a, b = small("mlp"), small("mlp", widths=(12, 9, 8, 4))
    why = mismatch(a, b)
    assert why is not None
    assert "'fc2.weight' has shape (7, 9) in A and (8, 9) in B" in why
    assert "\n" not in why
    assert mismatch(a, small("mlp", seed=1)) is None


def test_two_architectures_two_activations_and_two_scales_do_not_fit() -> None:
    a = small("mlp")
    assert "two architectures (A mlp, B recurrent): tensor 'fc1.weight'" in str(mismatch(a, small("recurrent")))
    assert "two architectures: A has the tensor 'norm1.weight'" in str(mismatch(a, small("mlp", norm="none")))
    assert "two architectures: B has the tensor 'norm1.weight'" in str(mismatch(small("mlp", norm="none"), a))
    assert "activation='gelu' and B with activation='tanh'" in str(mismatch(a, small("mlp", activation="tanh")))
    assert "--normalize" in str(mismatch(a, replace(a, normalize=None)))


def test_networks_that_do_not_fit_cannot_be_joined() -> None:
    with pytest.raises(MismatchError, match=r"fc2\.weight"):
        lmc.LinearPath(small("mlp"), small("mlp", widths=(12, 9, 8, 4)))


BESIDE: dict[str, object] = {
    "a score": torch.tensor(91.2),
    "weights of classes": torch.ones(10),
    "a random state": torch.get_rng_state(),
    "the optimiser": {"state": {k: {"exp_avg": torch.ones(8)} for k in range(12)}, "param_groups": []},
    "history": [torch.tensor(1.0), torch.tensor(0.5)],
}


@pytest.mark.parametrize("key", ["state_dict", "model", "weights of mine"])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_state_dict_is_found_whatever_lies_beside_it(key: str, count: int, tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 10))
    for chosen in itertools.combinations(BESIDE, count):
        torch.save(
            {"epoch": 3, **{name: BESIDE[name] for name in chosen}, key: module.state_dict()}, tmp_path / "s.pth"
        )
        assert lmc.load(tmp_path / "s.pth").parameters == sum(x.numel() for x in module.parameters())


def _in_parts(folder: Path, suffix: str, count: int = 2) -> nn.Module:
    """A network saved as Hugging Face does: parts of its tensors, and an index that says which lies where."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 24), nn.ReLU(), nn.Linear(24, 10))
    tensors = {f"model.{key}": x for key, x in module.state_dict().items()}
    stem = "model" if suffix == ".safetensors" else "pytorch_model"
    where = {key: f"{stem}-{1 + k % count:05}-of-{count:05}{suffix}" for k, key in enumerate(tensors)}
    for name in set(where.values()):
        part = {key: x for key, x in tensors.items() if where[key] == name}
        save = safetensors.torch.save_file if suffix == ".safetensors" else torch.save
        save(part, folder / name)
    (folder / f"{stem}{suffix}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
    return module


@pytest.mark.parametrize("suffix", [".safetensors", ".bin"])
def test_a_network_in_parts_is_whole_whichever_of_its_files_is_named(suffix: str, tmp_path: Path) -> None:
    module = _in_parts(tmp_path, suffix, 3)
    x = torch.randn(4, 64)
    for path in (tmp_path, *tmp_path.iterdir()):
        torch.testing.assert_close(lmc.load(path)(x), module(x))


def test_a_part_without_its_index_or_the_other_parts_is_refused_by_name(tmp_path: Path) -> None:
    _in_parts(tmp_path, ".safetensors")
    first, index = tmp_path / "model-00001-of-00002.safetensors", tmp_path / "model.safetensors.index.json"
    about = json.loads(index.read_text())
    outside = {"weight_map": {key: "../" + name for key, name in about["weight_map"].items()}}
    lacking = {"weight_map": dict(list(about["weight_map"].items())[1:])}
    for said, reason in ((outside, "no file beside it"), (lacking, "does not name the tensor"), ({}, "does not say")):
        index.write_text(json.dumps(said))
        with pytest.raises(CheckpointError, match=reason):
            lmc.load(first)
    index.write_text(json.dumps(about))
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model-00002-of-00002\.safetensors, which is missing"):
        lmc.load(first)
    index.unlink()
    with pytest.raises(CheckpointError, match="is part 1 of 2 of a network"):
        lmc.load(first)
    with pytest.raises(CheckpointError, match="is a folder that holds no network"):
        lmc.load(tmp_path)
