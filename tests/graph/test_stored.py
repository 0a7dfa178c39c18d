"""Traces on disk: read back they are what was traced; damaged, foreign or forbidden ones are traced anew."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from zoo import ZOO, member

from lmc_core.graph import stored
from lmc_core.graph import trace as traces
from lmc_core.graph.trace import resized, trace
from lmc_core.networks.families import architecture, build, example_inputs
from lmc_core.networks.network import Network, network
from lmc_core.paths.recalibrate import default_recalibration
from lmc_core.symmetry.infer import symmetry

FAMILIES = {
    "mlp": {"widths": (12, 16, 16, 5), "norm": "ln"},
    "cnn": {"stages": ((4,), (6,)), "hidden": (10,), "input_shape": (1, 8, 8)},
    "resnet": {"blocks": (1, 1), "widths": (4, 8), "input_shape": (3, 8, 8)},
    "recurrent": {"features": 6, "steps": 5, "hidden": 7, "layers": 2, "bidirectional": True},
    "transformer": {"width": 16, "depth": 2, "heads": 2},
    "gpt": {"width": 16, "depth": 2, "heads": 2},
}


def of_family(name: str) -> Network:
    torch.manual_seed(0)
    made = architecture(name, **FAMILIES[name])
    return network(build(made), example_inputs(made), architecture=made)


@pytest.fixture
def traced_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], None]:
    """A home of its own; once called, nothing is exported any more."""
    monkeypatch.setenv("LMC_HOME", str(tmp_path))

    def refuse(*args: object, **settings: object) -> None:
        raise AssertionError("exported again")

    return lambda: monkeypatch.setattr(traces, "export", refuse)


def kept(home: Path) -> list[Path]:
    return sorted((home / "traces").glob("*.json"))


def outputs(result: Tensor | tuple[Tensor, ...]) -> list[Tensor]:
    return list(result) if isinstance(result, tuple) else [result]


def test_nearly_every_member_of_the_zoo_can_be_written_and_read_and_computes_the_same(tmp_path: Path) -> None:
    unwritten = []
    for name in ZOO:
        net = member(name)
        made = trace(net, 5)
        path = tmp_path / f"{name}.json"
        stored.write(path, made.parts)
        found = stored.read(path)
        if found is None:
            unwritten.append(name)
            continue
        again = traces.Trace(found, 5)
        inputs = resized(net.example_inputs, 5)
        assert again.signature == made.signature, name
        assert again.outputs == made.outputs
        for x, y in zip(outputs(made.run(net.state, inputs)[0]), outputs(again.run(net.state, inputs)[0]), strict=True):
            assert torch.equal(x, y), name
        for old, new in zip(made.graph.nodes, again.graph.nodes, strict=True):
            assert _shapes(old.meta.get("val")) == _shapes(new.meta.get("val")), (name, old.name)
    assert len(unwritten) < len(ZOO) / 4, unwritten


def _shapes(value: object) -> object:
    if isinstance(value, Tensor):
        return tuple(value.shape), value.stride(), value.dtype
    if isinstance(value, tuple | list):
        return [_shapes(part) for part in value]
    return value


@pytest.mark.parametrize("name", FAMILIES)
def test_a_second_network_of_an_architecture_is_not_exported_and_has_the_same_symmetry(
    name: str, traced_once: Callable[[], None], tmp_path: Path
) -> None:
    first = symmetry(of_family(name))
    assert kept(tmp_path)
    traced_once()
    net = of_family(name)
    again = symmetry(net)
    assert again == first
    assert (default_recalibration(net) == "bn-reset") == (name == "resnet")


def test_a_damaged_file_is_traced_anew_and_replaced(traced_once: Callable[[], None], tmp_path: Path) -> None:
    first = trace(of_family("mlp"))
    (path,) = kept(tmp_path)
    whole = path.read_bytes()
    for broken in (b"", whole[:-1], whole.replace(b"linear", b"matmul"), b"0" * 64 + b"\n{}", b"\xff\n\xff"):
        path.write_bytes(broken)
        assert stored.read(path) is None
        assert trace(of_family("mlp")).signature == first.signature
        assert path.read_bytes() == whole
    traced_once()
    trace(of_family("mlp"))


@pytest.mark.parametrize("op", ["from_file.default", "save.default", "linear.__class__", "__class__.default", ""])
def test_an_operation_that_no_program_may_hold_is_not_read(
    op: str, traced_once: Callable[[], None], tmp_path: Path
) -> None:
    trace(of_family("mlp"))
    (path,) = kept(tmp_path)
    said = json.loads(path.read_bytes().partition(b"\n")[2])
    calls = [node for node in said["nodes"] if "op" in node]
    calls[0]["op"] = op
    body = json.dumps(said).encode()
    path.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    assert stored.read(path) is None


def test_only_an_untouched_module_of_a_family_on_the_cpu_is_kept(
    traced_once: Callable[[], None], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    net = of_family("mlp")
    own = network(nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)), torch.randn(2, 6))
    hooked = of_family("mlp")
    hooked.module.register_forward_hook(lambda module, args, output: 2 * output)
    assert stored.place(net, 2) is not None
    assert stored.place(own, 2) is None
    assert stored.place(replace(own, architecture=net.architecture), 2) is None
    assert stored.place(hooked, 2) is None
    assert stored.place(net, 3) != stored.place(net, 2)
    assert stored.place(net.to(dtype=torch.float64), 2) != stored.place(net, 2)
    trace(own)
    assert not kept(tmp_path)


def test_the_oldest_traces_go_when_there_are_too_many(
    traced_once: Callable[[], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "FILES", 2)
    parts = trace(of_family("mlp")).parts
    for number in range(4):
        stored.write(tmp_path / "traces" / f"{number}.json", parts)
    assert len(kept(tmp_path)) == 2


def test_a_home_that_cannot_be_written_leaves_the_trace_as_it_is(
    traced_once: Callable[[], None], tmp_path: Path
) -> None:
    (tmp_path / "traces").write_text("not a folder")
    assert trace(of_family("mlp")).outputs
