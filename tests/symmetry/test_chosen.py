"""Laws of entries that are chosen by number: they may trade places with the scores that choose them, and only so."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lmc_core.networks.network import network
from lmc_core.symmetry.axis import names_in
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.symmetry import Symmetry
from lmc_core.symmetry.verify import verify

CHOICES, WIDTH = 4, 6
Choose = Callable[[Tensor, Tensor], Tensor]
"""Scores (b, choices) and a table (choices, width) → what is taken from the table, (b, width)."""


class Chosen(nn.Module):
    """Scores choose entries of a table."""

    def __init__(self, choose: Choose) -> None:
        super().__init__()
        self.gate, self.table, self.choose = nn.Linear(5, CHOICES), nn.Parameter(torch.randn(CHOICES, WIDTH)), choose
        self.o = nn.Linear(WIDTH, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.o(torch.tanh(self.choose(self.gate(x), self.table)))  # type: ignore[no-any-return]


def _topk(scores: Tensor, table: Tensor) -> Tensor:
    value, at = scores.topk(2, -1)
    return (value.softmax(-1)[..., None] * table[at]).sum(1)


def _scattered(scores: Tensor, table: Tensor) -> Tensor:
    value, at = scores.topk(2, -1)
    return torch.zeros_like(scores).scatter(1, at, value.softmax(-1)) @ table


def _marked(scores: Tensor, table: Tensor) -> Tensor:
    _, at = scores.topk(2, -1)
    return F.one_hot(at, CHOICES).sum(1).to(table) @ table


def _gathered(scores: Tensor, table: Tensor) -> Tensor:
    at = scores.softmax(-1).argsort(-1, descending=True)[:, :2]
    return scores.gather(1, at).tanh().sum(1, keepdim=True) * table[at].sum(1)


def _nearest(scores: Tensor, table: Tensor) -> Tensor:
    at = torch.cdist(table[:2], table).argmin(1)
    return scores.sum(1, keepdim=True) + F.embedding(at, table).sum(0)


TOGETHER: dict[str, Choose] = {
    "argmax and index": lambda scores, table: table[scores.argmax(-1)],
    "argmax and embedding": lambda scores, table: F.embedding(scores.argmax(-1), table),
    "argmax and index_select": lambda scores, table: table.index_select(0, scores.argmax(-1)),
    "max with its place": lambda scores, table: (m := scores.max(-1)).values[:, None] * table[m.indices],
    "topk": _topk,
    "topk and scatter": _scattered,
    "topk and one_hot": _marked,
    "argsort and gather": _gathered,
    "kept shape": lambda scores, table: table[scores.argmax(-1, keepdim=True)].squeeze(1),
    "re-arranged numbers": lambda scores, table: table[scores.topk(2, -1).indices.t().reshape(2, -1)].sum(0),
    "values alone": lambda scores, table: scores.sort(-1).values[:, -1:] * (scores.softmax(-1) @ table),
}
APART: dict[str, Choose] = {
    "numbers computed with": lambda scores, table: table[(scores.argmax(-1) + 1) % CHOICES],
    "numbers read as values": lambda scores, table: scores.argmax(-1, keepdim=True).to(table) * table.sum(0),
    "numbers compared": lambda scores, table: (scores.argmax(-1, keepdim=True) == 2) * table[scores.argmax(-1)],
    "numbers of two axes": lambda scores, table: table[torch.cat([scores.argmax(-1), table.argmax(-1) % CHOICES])][
        : len(scores)
    ],
    "another table": lambda scores, table: (
        table[(at := scores.argmax(-1))] * torch.arange(1.0, 5).to(table)[at][:, None]
    ),
    "a table of the same size in an order": lambda scores, table: table.cumsum(0)[scores.argmax(-1)],
}


def _found(choose: Choose) -> Symmetry:
    torch.manual_seed(0)
    taken = network(Chosen(choose), torch.randn(8, 5)).to(dtype=torch.float64)
    found = symmetry(taken, verify=False)
    assert verify(taken, found, draws=3).holds, found.table()
    assert not found.unknown_ops
    return found


@pytest.mark.parametrize("case", TOGETHER)
def test_entries_move_with_the_scores_that_choose_them(case: str) -> None:
    found = _found(TOGETHER[case])
    assert found.groups["gate"].size == CHOICES
    assert names_in(found.axes["gate.weight"][0]) == names_in(found.axes["table"][0]) == {"gate"}
    assert names_in(found.axes["table"][1])


@pytest.mark.parametrize("case", APART)
def test_entries_whose_numbers_are_read_stay_where_they_are(case: str) -> None:
    found = _found(APART[case])
    assert not names_in(found.axes["gate.weight"][0])
    assert any(pin.tensor == "gate.weight" and pin.axis == 0 and pin.why for pin in found.pinned)


def test_a_network_that_returns_numbers_of_classes_has_classes_in_an_order() -> None:
    found = _found(lambda scores, table: table[scores.argmax(-1)])
    assert "gate" in found.groups

    class Naming(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(5, 6), nn.Linear(6, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.b(torch.relu(self.a(x))).argmax(-1)

    taken = network(Naming(), torch.randn(8, 5))
    assert {g.size for g in symmetry(taken, verify=False).groups.values()} == {6}
