"""Laws of files that are given back: they load into the module they came from, strictly, and it computes the same."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

import lmc_core as lmc
from lmc_core.fusion.fuse import fuse
from lmc_core.methods.align import align
from lmc_core.networks.network import Network, network

SHAPE = (2, 12)


def _sequential() -> nn.Module:
    return nn.Sequential(nn.Linear(12, 10), nn.ReLU(), nn.Linear(10, 8), nn.ReLU(), nn.Linear(8, 4))


class Held(nn.Module):
    """A module that holds the network as a part, as Lightning's do."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.add_module(name, _sequential())
        self.name = name

    def forward(self, x: Tensor) -> Tensor:
        return self.get_submodule(self.name)(x)  # type: ignore[no-any-return]


class Numbered(nn.Module):
    """Layers in a list, and norms in another."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(12, 10), nn.Linear(10, 8), nn.Linear(8, 4)])
        self.norms = nn.ModuleList([nn.BatchNorm1d(10), nn.BatchNorm1d(8)])

    def forward(self, x: Tensor) -> Tensor:
        for layer, norm in zip(self.layers, self.norms, strict=False):
            x = torch.relu(norm(layer(x)))
        return self.layers[-1](x)  # type: ignore[no-any-return]


class Tied(nn.Module):
    """One tensor under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.down, self.o = nn.Linear(12, 10), nn.Linear(10, 10), nn.Linear(10, 4)
        self.again = nn.Linear(12, 10)
        self.again.weight = self.up.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.o(torch.relu(self.down(torch.relu(self.up(x)))) + self.again(x))  # type: ignore[no-any-return]


class Before(nn.Module):
    """A residual block whose norm and activation come before the layer."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm, self.inner, self.outer = (
            nn.Linear(12, 10),
            nn.BatchNorm1d(10),
            nn.Linear(10, 9),
            nn.Linear(9, 10),
        )
        self.o = nn.Linear(10, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.o(x + self.outer(torch.relu(self.inner(torch.relu(self.norm(x))))))  # type: ignore[no-any-return]


class PreBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.stride = 1 if inputs == outputs else 2
        self.bn1, self.conv1 = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, outputs, 3, self.stride, 1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(outputs), nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        if inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, self.stride, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(x))
        beside = self.shortcut(y) if self.stride > 1 else x
        return beside + self.conv2(torch.relu(self.bn2(self.conv1(y))))  # type: ignore[no-any-return]


class PreNet(nn.Module):
    """A residual network whose norms and activations come before its convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.layer1, self.layer2, self.layer3 = (
            nn.Sequential(PreBlock(i, o), PreBlock(o, o)) for i, o in ((4, 4), (4, 8), (8, 12))
        )
        self.bn, self.fc = nn.BatchNorm2d(12), nn.Linear(12, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.bn(self.layer3(self.layer2(self.layer1(self.conv1(x))))))
        return self.fc(x.mean((2, 3)))  # type: ignore[no-any-return]


class Tokens(nn.Module):
    """A language model whose head is its embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.wte, self.wpe, self.ln_f = nn.Embedding(30, 12), nn.Embedding(9, 12), nn.LayerNorm(12)
        self.h = nn.ModuleList(
            nn.ModuleDict(
                {
                    "ln_1": nn.LayerNorm(12),
                    "c_attn": nn.Linear(12, 36),
                    "c_proj": nn.Linear(12, 12),
                    "ln_2": nn.LayerNorm(12),
                    "mlp": nn.ModuleDict({"c_fc": nn.Linear(12, 48), "c_proj": nn.Linear(48, 12)}),
                }
            )
            for _ in range(2)
        )
        self.lm_head = nn.Linear(12, 30, bias=False)
        self.lm_head.weight = self.wte.weight

    def forward(self, x: Tensor) -> Tensor:
        x = self.wte(x) + self.wpe.weight
        later = torch.ones(9, 9, dtype=torch.bool).triu(1)
        for block in self.h:
            parts = block["c_attn"](block["ln_1"](x)).split(12, 2)  # type: ignore[index]
            q, k, v = (part.unflatten(-1, (4, 3)).transpose(1, 2) for part in parts)
            weights = (q @ k.transpose(-1, -2) / 3**0.5).masked_fill(later, -torch.inf).softmax(-1)
            x = x + block["c_proj"]((weights @ v).transpose(1, 2).flatten(2))  # type: ignore[index]
            feed = block["mlp"]  # type: ignore[index]
            x = x + feed["c_proj"](nn.functional.gelu(feed["c_fc"](block["ln_2"](x))))  # type: ignore[index]
        return self.lm_head(self.ln_f(x))  # type: ignore[no-any-return]


def _averaged() -> nn.Module:
    return torch.optim.swa_utils.AveragedModel(_sequential())


def _saved(state: Any, path: Path) -> Path:
    torch.save(state, path / "given.pth")
    return path / "given.pth"


def _in_parts(module: nn.Module, path: Path) -> Path:
    state = module.state_dict()
    where = {key: f"model-0000{1 + k % 2}-of-00002.safetensors" for k, key in enumerate(state)}
    for name in set(where.values()):
        safetensors.torch.save_file({k: x for k, x in state.items() if where[k] == name}, path / name)
    (path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    return path


Write = Callable[[nn.Module, Path], Path]
STYLES: dict[str, tuple[Callable[[], nn.Module], Write | None]] = {
    "sequential": (_sequential, lambda m, p: _saved(m.state_dict(), p)),
    "data-parallel": (
        lambda: nn.DataParallel(_sequential()),
        lambda m, p: _saved({"state_dict": m.state_dict(), "best_acc1": torch.tensor(3.0)}, p),
    ),
    "Lightning": (lambda: Held("model"), lambda m, p: _saved({"state_dict": m.state_dict(), "epoch": 3}, p)),
    "compiled": (
        lambda: torch.compile(_sequential(), backend="eager"),  # type: ignore[return-value]
        lambda m, p: _saved({"model": m.state_dict()}, p),
    ),
    "moving average": (
        _sequential,
        lambda m, p: _saved({"model": m.state_dict(), "ema": {k: x * 2 for k, x in m.state_dict().items()}}, p),
    ),
    "averaged": (_averaged, None),
    "in parts": (_sequential, _in_parts),
    "half": (lambda: _sequential().bfloat16(), lambda m, p: _saved(m.state_dict(), p)),
    "numbered": (Numbered, lambda m, p: _saved(m.state_dict(), p)),
    "tied": (Tied, None),
    "norm first": (Before, None),
    "pre-activation": (PreNet, lambda m, p: _saved(m.state_dict(), p)),
    "tied language model": (Tokens, lambda m, p: _saved({"model": m.state_dict(), "step": 9}, p)),
}


def _made(style: str, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return STYLES[style][0]().eval()


def _input(module: nn.Module) -> Tensor:
    dtype = next(module.parameters()).dtype
    chance = torch.Generator().manual_seed(1)
    if isinstance(module, Tokens):
        return torch.randint(30, (2, 9), generator=chance)
    shape = (2, 3, 32, 32) if isinstance(module, PreNet) else SHAPE
    return torch.randn(shape, generator=chance).to(dtype)


def _by_file(style: str, folder: Path) -> list[Network]:
    write = STYLES[style][1]
    assert write is not None
    made = []
    for seed in (0, 1):
        where = folder / str(seed)
        where.mkdir()
        made.append(lmc.load(write(_made(style, seed), where)))
    return made


def _by_module(style: str, _: Path) -> list[Network]:
    return [network(module, _input(module)) for module in (_made(style, 0), _made(style, 1))]


WAYS = {
    "file": (_by_file, [style for style, (_, write) in STYLES.items() if write]),
    "module": (_by_module, list(STYLES)),
}


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize(("way", "style"), [(way, style) for way, (_, styles) in WAYS.items() for style in styles])
def test_an_aligned_network_loads_into_the_module_it_came_from(
    way: str, style: str, suffix: str, tmp_path: Path
) -> None:
    a, b = WAYS[way][0](style, tmp_path)
    aligned = align(a, b).transport(b)
    assert not all(torch.equal(aligned.state[name], x) for name, x in b.state.items())
    aligned.save(tmp_path / f"out{suffix}")
    path = tmp_path / f"out{suffix}"
    state = torch.load(path, weights_only=True) if suffix == ".pth" else safetensors.torch.load_file(path)
    module, other = _made(style, 1), _made(style, 5)
    assert {name: x.dtype for name, x in state.items()} == {n: x.dtype for n, x in module.state_dict().items()}
    other.load_state_dict(state, strict=True)
    tolerance = {"rtol": 0.05, "atol": 0.05} if style == "half" else {"rtol": 1e-4, "atol": 1e-5}
    x = _input(module)
    torch.testing.assert_close(other(x), module(x), **tolerance)
    if suffix == ".safetensors" and aligned.architecture:
        again = lmc.load(path)
        assert all(torch.equal(again.state[name], x) for name, x in aligned.state.items())
        assert again.metadata["names"] == aligned.metadata["names"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("style", ["data-parallel", "half", "numbered"])
def test_a_fused_network_loads_into_the_module_of_its_first_parent(way: str, style: str, tmp_path: Path) -> None:
    fused = fuse(WAYS[way][0](style, tmp_path))
    fused.save(tmp_path / "out.pth")
    module = _made(style, 5)
    module.load_state_dict(torch.load(tmp_path / "out.pth", weights_only=True), strict=True)
    x = _input(module)
    wanted = fused(x.to(fused.example_inputs[0].dtype)).to(x.dtype)
    torch.testing.assert_close(module(x), wanted, rtol=0.05, atol=0.05)


def test_canonical_names_are_written_on_request(tmp_path: Path) -> None:
    a, _ = _by_file("data-parallel", tmp_path)
    a.save(tmp_path / "ours.safetensors", names="ours")
    assert set(safetensors.torch.load_file(tmp_path / "ours.safetensors")) == set(a.state)
