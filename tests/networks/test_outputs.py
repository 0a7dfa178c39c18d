"""How far outputs lie apart."""

import math

import pytest
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from lmc_core.networks.outputs import named_tensors, relative_error, tensors, traceable


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_the_largest_change_is_measured_against_the_largest_output(dtype: torch.dtype) -> None:
    before = torch.tensor([[1.0, -8.0], [2.0, 0.0]], dtype=dtype)
    after = before.clone()
    after[1, 1] = 2.0
    assert relative_error(before, after) == 0.25
    assert relative_error(before, before) == 0


def test_the_worst_of_several_outputs_counts_however_they_are_nested() -> None:
    x, empty, count = torch.ones(3), torch.empty(0), torch.tensor([4])
    before = {"logits": x, "more": (x, [count, empty]), "name": "head"}
    after = {"logits": 1.5 * x, "more": (x, [count + 4, empty]), "name": "head"}
    assert len(tensors(before)) == 4
    assert relative_error(before, after) == 1


def test_what_is_no_number_and_what_comes_from_nothing_is_infinitely_far() -> None:
    zeros, nan = torch.zeros(2), torch.tensor([0.0, math.nan])
    assert relative_error(zeros, zeros) == 0
    assert relative_error(zeros, torch.ones(2)) == math.inf
    assert relative_error(torch.ones(2), nan) == math.inf


def test_another_number_of_outputs_is_a_fault() -> None:
    with pytest.raises(ValueError, match="zip"):
        relative_error((torch.ones(2),), (torch.ones(2), torch.ones(2)))


class Cache:
    """What a module may return beside its answer, of a type that torch does not know."""

    def __init__(self, *keys: Tensor) -> None:
        self.length, self.layers = 3, [{"key": key} for key in keys]


class Answer(dict[str, Tensor]):
    """A type whose names torch was not told."""


pytree.register_pytree_node(
    Answer, lambda x: (list(x.values()), list(x)), lambda x, names: Answer(zip(names, x, strict=True))
)


def test_tensors_are_found_in_types_that_torch_does_not_know_or_knows_without_names() -> None:
    x, y = torch.ones(2), torch.zeros(3)
    assert [(name, len(z)) for name, z in named_tensors((Answer(sample=x), Cache(y)))] == [("sample", 2), ("key", 3)]


def test_an_output_is_traced_as_it_is_where_torch_knows_it_and_else_as_its_tensors() -> None:
    x, y = torch.ones(2), torch.zeros(3)
    known = {"answer": x, "more": (y, None, 3)}
    assert traceable(lambda: known)() is known
    assert [len(z) for z in traceable(lambda: {"answer": x, "cache": Cache(y, x)})()] == [2, 3, 2]
