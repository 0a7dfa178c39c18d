"""The table of operators, against what reads it and against torch."""

import re

import pytest
import torch

from lmc_core.errors import CheckpointError
from lmc_core.networks.safety.operators import check_operator
from lmc_core.operators import _TABLE, OPERATORS
from lmc_core.symmetry.rules import BY_NAME, RULES

ATEN = {name.removeprefix("aten::").split(".")[0] for name in torch._C._dispatch_get_all_op_names() if "aten::" in name}


def arguments(name: str) -> set[str]:
    """Names of the arguments of all overloads of an operator."""
    packet = getattr(torch.ops.aten, name)
    return {a.name for overload in packet.overloads() for a in getattr(packet, overload)._schema.arguments}


def test_every_operator_stands_in_the_table_once() -> None:
    assert len(OPERATORS) == len(_TABLE)


def test_every_rule_of_the_table_is_written_and_every_written_rule_is_in_the_table() -> None:
    assert {known.rule for known in OPERATORS.values()} - {None} == set(BY_NAME)
    assert {name: rule.__name__ for name, rule in RULES.items()} == {n: k.rule for n, k in OPERATORS.items() if k.rule}


def test_axes_are_pinned_for_a_reason_and_only_by_the_rule_that_pins() -> None:
    assert all(known.why for known in OPERATORS.values() if known.rule == "opaque")
    assert {known.rule for known in OPERATORS.values() if known.why} == {
        "opaque",
        "ordered",
        "marked",
        "written_at",
        "written_along",
        "put",
        "strided",
    }


def test_what_a_file_may_hold_and_what_is_affine_are_operators_of_this_torch() -> None:
    """Rules may be there for operators of other versions of torch."""
    used = {name for known in OPERATORS.values() for name in known.in_files}
    used |= {known.name for known in OPERATORS.values() if known.affine}
    assert sorted(used - ATEN) == []


def test_a_file_may_hold_an_operator_exactly_where_the_table_says_so() -> None:
    allowed = {name for known in OPERATORS.values() for name in known.in_files}
    assert len(allowed) > 300
    for name in sorted(ATEN | set(OPERATORS)):
        if name in allowed:
            assert check_operator(f"torch.ops.aten.{name}.default", "a file")
        else:
            with pytest.raises(CheckpointError, match=re.escape(name)[:60]):
                check_operator(f"torch.ops.aten.{name}.default", "a file")


def test_what_an_affine_operator_multiplies_are_two_of_its_arguments() -> None:
    for known in OPERATORS.values():
        assert len(known.factors) == (2 if known.affine in ("product", "quotient") else 0), known.name
        assert not known.factors or set(known.factors) <= arguments(known.name), known.name


def test_products_and_quotients_are_affine_in_each_factor_while_the_other_stays() -> None:
    generator = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.randn(shape, generator=generator, dtype=torch.float64)  # noqa: E731
    shapes = {
        "linear": ((3, 4), (5, 4)),
        "matmul": ((3, 4), (4, 5)),
        "mm": ((3, 4), (4, 5)),
        "bmm": ((2, 3, 4), (2, 4, 5)),
    }
    shapes |= {f"conv{k}d": ((2, 3, *(5,) * k), (4, 3, *(2,) * k)) for k in (1, 2, 3)}
    shapes |= {f"conv_transpose{k}d": ((2, 3, *(5,) * k), (3, 4, *(2,) * k)) for k in (1, 2, 3)}
    shapes |= dict.fromkeys(("mul", "multiply", "div"), ((3, 4), (3, 4)))
    tried = {name for name, known in OPERATORS.items() if known.factors} & set(shapes)
    assert tried == set(shapes)
    for name, (first, second) in shapes.items():
        compute = getattr(torch.ops.aten, name)
        a, b, x, t = draw(*first), draw(*first), draw(*second), 0.3
        blended = (1 - t) * compute(a, x) + t * compute(b, x)
        torch.testing.assert_close(compute((1 - t) * a + t * b, x), blended)
        y, z, w = draw(*second), draw(*second), draw(*first)
        blended = (1 - t) * compute(w, y) + t * compute(w, z)
        moved = compute(w, (1 - t) * y + t * z)
        assert torch.allclose(moved, blended) is (OPERATORS[name].affine == "product"), name
