"""Sizes that depend on the batch, as text: torch hands such text to sympy, which evaluates it as Python."""

from __future__ import annotations

import ast
import re

from lmc_core.errors import CheckpointError
from lmc_core.networks.safety.limits import plain

LENGTH = 4000
_SYMBOL = re.compile(r"[su][0-9]{1,6}", re.ASCII)
_KNOWN = """
Add Mul FloorDiv CeilDiv CleanDiv Mod PythonMod ModularIndexing Max Min IntTrueDiv ToFloat FloorToInt CeilToInt
TruncToInt Rational Equality Unequality LessThan StrictLessThan GreaterThan StrictGreaterThan
Eq Ne Le Lt Ge Gt And Or Not
"""
_FUNCTIONS = frozenset(_KNOWN.split())
_ASSUMPTIONS = frozenset({"positive", "nonnegative", "integer", "real", "finite"})
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod)


def check_symbol(text: object, name: str) -> str:
    """The name of a size: s77, u0. Raises CheckpointError."""
    if isinstance(text, str) and _SYMBOL.fullmatch(text):
        return text
    raise CheckpointError(
        f"{name} names a size {plain(text, 60)!r}; sizes are named like s77: export the network again"
    )


def check_expression(text: object, name: str) -> str:
    """A size written with whole numbers, named sizes and arithmetic, written out afresh from what was understood.

    Raises CheckpointError for anything else, because the text would be evaluated as Python.
    """
    try:
        if not isinstance(text, str) or len(text) > LENGTH:
            raise ValueError
        tree = ast.parse(text, mode="eval").body
        _check(tree)
        return ast.unparse(tree)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        raise CheckpointError(
            f"{name} holds a shape that is not plain arithmetic of sizes ({plain(text, 80)!r}); it would be run as "
            "code, and was not: export the network again"
        ) from None


def _check(node: ast.expr) -> None:
    """Raises ValueError for whatever is not on the lists above."""
    match node:
        case ast.Constant(value=int() as number) if abs(number) < 2**63:
            pass
        case ast.Name(id=symbol) if _SYMBOL.fullmatch(symbol):
            pass
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            _check(inner)
        case ast.BinOp(left=left, op=operator, right=right) if isinstance(operator, _OPERATORS):
            _check(left)
            _check(right)
        case ast.Call(func=ast.Name(id="Symbol"), args=[ast.Constant(value=str() as symbol)], keywords=keywords):
            said = all(isinstance(k.value, ast.Constant) and isinstance(k.value.value, bool) for k in keywords)
            if not (_SYMBOL.fullmatch(symbol) and said and {k.arg for k in keywords} <= _ASSUMPTIONS):
                raise ValueError
        case ast.Call(func=ast.Name(id="Integer"), args=[ast.Constant() | ast.UnaryOp() as number], keywords=[]):
            _check(number)
        case ast.Call(func=ast.Name(id="Pow"), args=[base, ast.Call(args=[ast.Constant(value=2 | 3 | 4)]) as power]):
            _check(base)
            _check(power)
        case ast.Call(func=ast.Name(id=function), args=arguments, keywords=[]) if function in _FUNCTIONS:
            for argument in arguments:
                _check(argument)
        case _:
            raise ValueError
