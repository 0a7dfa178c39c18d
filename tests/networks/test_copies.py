"""Laws of snapshots: a Network shares nothing with the module it came from, and no state meets what another left."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lmc_core.graph.trace import trace
from lmc_core.networks.network import Network, network
from lmc_core.symmetry.infer import symmetry


class Keeping(nn.Module):
    """A layer that scales by a table of its own, and keeps the table it made in some place of its choice."""

    def __init__(self, keep: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(6, 8), nn.Linear(8, 3)
        self.table = nn.Parameter(torch.rand(8) + 0.5)
        self.register_buffer("calls", torch.zeros(()))
        self.offset = torch.linspace(-1, 1, 3)  # a constant, which the module cannot make again
        self.kept: Any = None
        self.keep = keep

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.down(torch.relu(self.up(x)) * self.keep(self, self.table * 2)) + self.offset


def _attribute(module: Any, made: Tensor) -> Tensor:
    if module.kept is None:
        module.kept = made
    return module.kept  # type: ignore[no-any-return]


def _dictionary(module: Any, made: Tensor) -> Tensor:
    module.kept = module.kept or {}
    return module.kept.setdefault(str(made.device), made)  # type: ignore[no-any-return]


def _list(module: Any, made: Tensor) -> Tensor:
    module.kept = module.kept or []
    if not module.kept:
        module.kept.append(made)
    return module.kept[0]  # type: ignore[no-any-return]


def _nested(module: Any, made: Tensor) -> Tensor:
    module.kept = module.kept or {"tables": []}
    if not module.kept["tables"]:
        module.kept["tables"].append((made,))
    return module.kept["tables"][0][0]  # type: ignore[no-any-return]


def _module(keep: Callable[[Any, Tensor], Tensor], seed: int) -> Keeping:
    torch.manual_seed(seed)
    return Keeping(keep).eval()


KEEPERS = [_attribute, _dictionary, _list, _nested]


@pytest.mark.parametrize("called_before", [False, True])
@pytest.mark.parametrize("keep", KEEPERS)
def test_every_state_is_computed_as_by_a_module_that_was_never_called(
    keep: Callable[[Any, Tensor], Tensor], called_before: bool
) -> None:
    x = torch.randn(2, 6, generator=torch.Generator().manual_seed(0))
    true = [_module(keep, seed)(x).detach() for seed in (0, 1)]
    modules = [_module(keep, seed) for seed in (0, 1)]
    if called_before:
        with torch.no_grad():
            for module in modules:
                module(x)
    a, b = (network(module, x) for module in modules)
    a(x)
    moved = a.with_state(b.state)
    traced, _ = trace(a, 2).run(b.state, (x,))
    for output in (moved(x), traced):
        torch.testing.assert_close(output, true[1])
    torch.testing.assert_close(a(x), true[0])
    assert {group.size for group in symmetry(a).groups.values()} == {8}


def _memory(module: nn.Module) -> set[int]:
    return {x.untyped_storage().data_ptr() for x in (*module.parameters(), *module.buffers())}


@pytest.mark.parametrize("training", [False, True])
def test_a_module_and_its_snapshot_do_not_notice_each_other(training: bool) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3))
    module.train(training)
    module[3].eval()
    modes = [part.training for part in module.modules()]
    held = {name: x.clone() for name, x in module.state_dict().items()}
    example = torch.randn(4, 6)
    taken = network(module, example)
    before, fingerprint = taken(example), taken.fingerprint
    symmetry(taken)
    assert [part.training for part in module.modules()] == modes
    assert all(torch.equal(held[name], x) for name, x in module.state_dict().items())
    own = {x.untyped_storage().data_ptr() for x in (*taken.state.values(), *taken.example_inputs)}
    assert not (own | _memory(taken.module)) & (_memory(module) | {example.untyped_storage().data_ptr()})
    with torch.no_grad():
        for x in (*module.parameters(), *module.buffers()):
            x.add_(1)
    torch.testing.assert_close(taken(taken.example_inputs[0]), before, rtol=0, atol=0)
    assert taken.fingerprint == fingerprint


def test_a_call_writes_into_no_state() -> None:
    taken = network(_module(_attribute, 0), torch.randn(2, 6))
    before = {name: x.clone() for name, x in taken.state.items()}
    for _ in range(3):
        taken(torch.randn(2, 6))
    assert all(torch.equal(before[name], x) for name, x in taken.state.items())


def test_drawn_numbers_are_held_and_nobody_outside_notices() -> None:
    class Noisy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(6, 8), nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.b(nn.functional.dropout(torch.relu(self.a(x)), 0.5, training=True))  # type: ignore[no-any-return]

    torch.manual_seed(0)
    x = torch.randn(2, 6)
    taken = network(Noisy(), x)
    place = torch.random.get_rng_state()
    torch.testing.assert_close(taken(x), taken(x), rtol=0, atol=0)
    torch.testing.assert_close(trace(taken, 2).run(taken.state, (x,))[0], taken(x))
    assert torch.equal(torch.random.get_rng_state(), place)
    assert any("random numbers" in pin.why for pin in symmetry(taken).pinned)


def test_wrapped_and_lazy_modules_are_the_modules_inside() -> None:
    torch.manual_seed(0)
    inner = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    x = torch.randn(2, 6)
    plain = network(inner, x)
    compiled: Any = torch.compile(inner, backend="eager")
    for wrapped in (nn.DataParallel(inner), compiled, nn.DataParallel(compiled)):
        taken: Network = network(wrapped, x)  # type: ignore[arg-type]
        assert taken.fingerprint == plain.fingerprint
    lazy = nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(3))
    assert {group.size for group in symmetry(network(lazy, x)).groups.values()} == {8}


@pytest.mark.parametrize("causal", [False, True])
def test_transformer_layers_trace_with_a_mask_from_anywhere(causal: bool) -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layer = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True)
            self.inner, self.out = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False), nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            mask = nn.Transformer.generate_square_subsequent_mask(5) if causal else torch.zeros(5, 5)
            return self.out(self.inner(x, mask=mask))  # type: ignore[no-any-return]

    torch.manual_seed(0)
    taken = network(Masked(), torch.randn(2, 5, 8))
    inputs = taken.example_inputs
    torch.testing.assert_close(trace(taken, 2).run(taken.state, inputs)[0], taken(*inputs))
    assert len(symmetry(taken).groups) == 4


def test_a_buffer_under_two_names_is_one_in_every_state() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(6, 4)
            self.register_buffer("first", torch.ones(4))
            self.register_buffer("second", self.first)

        def forward(self, x: Tensor) -> Tensor:
            return self.a(x) * self.first * self.second  # type: ignore[no-any-return]

    x = torch.randn(2, 6)
    module = Twice()
    taken = network(module, x)
    assert [name for name in taken.state if name in ("first", "second")] == ["first"]
    other = taken.with_state({**taken.state, "first": torch.full((4,), 3.0)})
    torch.testing.assert_close(other(x), 9 * taken(x))
    torch.testing.assert_close(trace(taken, 2).run(other.state, (x,))[0], other(x))
