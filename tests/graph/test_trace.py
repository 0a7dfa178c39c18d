"""Traces: the same outputs as the module, any value by name, one graph for all batch sizes, and a limit on time."""

import gc
import threading
import time
import warnings
import weakref

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from zoo import ALL, member, untraceable

from lmc_core.errors import DataError, TraceError
from lmc_core.graph.trace import resized, trace, working_batch
from lmc_core.networks.network import Network, network
from lmc_core.networks.outputs import relative_error
from lmc_core.symmetry.infer import symmetry


def outputs(result: Tensor | tuple[Tensor, ...]) -> list[Tensor]:
    return list(result) if isinstance(result, tuple) else [result]


def small() -> Network:
    torch.manual_seed(0)
    return network(nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)), torch.randn(2, 6))


@pytest.mark.parametrize("name", ALL)
def test_a_trace_computes_what_the_module_computes_at_another_batch_size(name: str) -> None:
    net = member(name)
    inputs = resized(net.example_inputs, 5)
    result, _ = trace(net, 5).run(net.state, inputs)
    assert relative_error(outputs(net(*inputs)), outputs(result)) <= 1e-13


@pytest.mark.parametrize("name", ["bilstm2", "gru2", "resnet_bn", "gpt_tied_sdpa"])
def test_names_are_the_same_for_every_batch_size(name: str) -> None:
    net = member(name)
    assert trace(net, 2).signature == trace(net, 5).signature


def test_a_trace_runs_on_any_state_and_leaves_the_module_alone() -> None:
    net = small()
    before = [p.clone() for p in net.module.parameters()]
    other = {name: torch.randn_like(x) for name, x in net.state.items()}
    result, _ = trace(net).run(other, net.example_inputs)
    assert torch.allclose(result, net.with_state(other)(*net.example_inputs))
    assert all(torch.equal(a, b) for a, b in zip(before, net.module.parameters(), strict=True))


def test_a_recurrent_module_still_works_after_it_was_traced() -> None:
    net = member("bilstm2")
    before = net(*net.example_inputs)
    trace(net)
    assert torch.equal(before, net(*net.example_inputs))
    assert all(type(p) is nn.Parameter for p in net.module.parameters())


def test_watched_values_are_those_of_the_named_nodes() -> None:
    net = small()
    run = trace(net)
    (x,) = net.example_inputs
    _, seen = run.run(net.state, (x,), watch=[*run.inputs, "linear", "relu"])
    assert torch.allclose(seen["linear"], x @ net.state["0.weight"].T + net.state["0.bias"])
    assert torch.equal(seen["relu"], seen["linear"].relu())
    assert seen[run.inputs[0]] is x


def test_a_watched_value_is_not_overwritten_by_what_follows_in_place() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(16, 2)).eval()
    net = network(module, torch.randn(2, 3, 4, 4))
    _, seen = trace(net).run(net.state, net.example_inputs, watch=["conv2d"])
    assert bool((seen["conv2d"] < 0).any())


def test_an_override_replaces_one_computation() -> None:
    net = small()
    run = trace(net)
    calls = []

    def doubled(operation, args, kwargs):  # type: ignore[no-untyped-def]
        calls.append(operation)
        return 2 * operation(*args, **kwargs)

    result, seen = run.run(net.state, net.example_inputs, watch=["relu"], override={"relu": doubled})
    assert calls == [torch.ops.aten.relu.default]
    assert torch.allclose(result, seen["relu"] @ net.state["2.weight"].T + net.state["2.bias"])
    assert torch.allclose(seen["relu"], 2 * F.linear(*net.example_inputs, *list(net.state.values())[:2]).relu())


def test_values_are_freed_after_their_last_use() -> None:
    net = small()
    run = trace(net)
    kept: list[weakref.ref[Tensor]] = []

    def keeping(operation, args, kwargs):  # type: ignore[no-untyped-def]
        result = operation(*args, **kwargs)
        kept.append(weakref.ref(result))
        return result

    def looking(operation, args, kwargs):  # type: ignore[no-untyped-def]
        result = operation(*args, **kwargs)
        del args
        gone.append(kept[0]() is None)
        return result

    gone: list[bool] = []
    names = [n.name for n in run.graph.nodes if n.op == "call_function"]
    deep = network(nn.Sequential(*[nn.Linear(6, 6) for _ in range(4)]), torch.randn(2, 6))
    run = trace(deep)
    names = [n.name for n in run.graph.nodes if n.op == "call_function"]
    run.run(deep.state, deep.example_inputs, override={names[0]: keeping, names[2]: looking})
    gc.collect()
    assert gone == [True]


def test_tied_tensors_are_one_tensor_of_the_state() -> None:
    net = member("gpt_tied_sdpa")
    assert "head.weight" not in net.state
    assert list(trace(net).tensors.values()).count("wte.weight") >= 1
    assert set(trace(net).tensors.values()) <= set(net.state)


def test_inputs_of_another_shape_are_refused_with_a_sentence() -> None:
    net = small()
    with pytest.raises(DataError, match=r"has shape \(3, 6\); this trace reads \(2, 6\)"):
        trace(net, 2).run(net.state, (torch.randn(3, 6),))
    with pytest.raises(DataError, match="reads 1 inputs and got 2"):
        trace(net, 2).run(net.state, (torch.randn(2, 6), torch.randn(2, 6)))


def test_a_trace_is_kept_per_module_and_goes_with_it() -> None:
    net = small()
    kept = trace(net)
    assert trace(net.with_state({n: x + 1 for n, x in net.state.items()})) is kept
    assert trace(net, 3) is not kept
    module = weakref.ref(net.module)
    del net
    gc.collect()
    assert module() is None


def test_tracing_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trace(member("bilstm2"), 4)
        with pytest.raises(TraceError):
            trace(network(*untraceable()))
    assert capsys.readouterr() == ("", "")


def test_a_module_of_one_batch_size_is_traced_at_that_size() -> None:
    program = torch.export.export(small().module, (torch.randn(2, 6),), strict=False).module()
    net = Network(program, dict(program.state_dict()), (torch.randn(2, 6),))
    assert working_batch(net, 2) == 2
    assert working_batch(net, 64) == 2
    with pytest.raises(TraceError, match="declare"):
        trace(net, 64)
    result, _ = trace(net, 2).run(net.state, net.example_inputs)
    assert torch.allclose(result, net(*net.example_inputs))


def test_a_program_with_a_free_batch_size_is_traced_at_any() -> None:
    batch = torch.export.Dim("batch")
    program = torch.export.export(
        small().module, (torch.randn(2, 6),), dynamic_shapes=({0: batch},), strict=False
    ).module()
    net = Network(program, dict(program.state_dict()), (torch.randn(2, 6),))
    assert working_batch(net, 64) == 64


class Sizes(nn.Module):
    """Other operations for large batches."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.relu(x) if x.shape[0] < 4 else torch.tanh(x).abs())


def test_a_module_that_computes_otherwise_for_other_batches_is_refused_there() -> None:
    net = network(Sizes(), torch.randn(2, 6))
    trace(net, 2)
    with pytest.raises(TraceError, match="other operations for 8 rows than for 2"):
        trace(net, 8)
    assert working_batch(net, 8) == 2


class Endless(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        while True:
            x = x + 1


@pytest.mark.parametrize("in_thread", [False, True])
def test_tracing_ends_after_its_limit_with_a_sentence_that_names_the_fallback(in_thread: bool) -> None:
    caught: list[BaseException] = []

    def work() -> None:
        try:
            symmetry(network(Endless(), torch.randn(2, 6)), seconds=0.5)
        except TraceError as error:
            caught.append(error)

    start = time.monotonic()
    if in_thread:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    else:
        work()
    assert time.monotonic() - start < 10
    assert "took longer than 0.5 s; declare its symmetry" in str(caught[0])
    deadline = time.monotonic() + 20
    while any(t.name == "trace" for t in threading.enumerate()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(t.name == "trace" for t in threading.enumerate())


class Quiet(nn.Module):
    """Positions computed without gradient, a buffer that counts calls, an assignment through a view."""

    calls: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 6)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        with torch.no_grad():
            places = torch.arange(6, dtype=x.dtype) * torch.ones(6, dtype=x.dtype)
        y = self.fc(x)
        y += places
        y[:, 0] = y[:, 1]
        return y


def test_writing_in_place_becomes_values_of_their_own() -> None:
    net = network(Quiet(), torch.randn(2, 6))
    run = trace(net)
    result, seen = run.run(net.state, net.example_inputs, watch=["linear"])
    again, _ = run.run(net.state, net.example_inputs)
    assert torch.equal(result, again)
    assert torch.allclose(result, net(*net.example_inputs))
    assert torch.allclose(seen["linear"], F.linear(*net.example_inputs, net.state["fc.weight"], net.state["fc.bias"]))
    assert float(net.state["calls"]) <= 1
