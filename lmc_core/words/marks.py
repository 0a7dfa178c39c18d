"""Sentences with neutral marks: what is strong, what is code, and whose colour a number has.

Nothing here knows how a mark is drawn: a page makes markdown of it (`pages/_frame/text.markdown`), a terminal and a
file take `str`, which leaves the marks out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from string import Formatter
from typing import Literal, get_args

Role = Literal["a", "b", "naive", "aligned", "fused", "grey"]
"""Whose colour: of the networks, of the paths without and with alignment, of a fused network, of what stays behind."""
Style = Literal["strong", "emphasis", "code"]

_TOGGLES: dict[str, Style] = {"**": "strong", "*": "emphasis", "`": "code"}


@dataclass(frozen=True)
class Span:
    """Some words of one look; `tex` is how a formula is set where formulas are."""

    text: str
    role: Role | None = None
    style: Style | None = None
    tex: str | None = None


@dataclass(frozen=True)
class Text:
    """Words with marks. `str` is the same without them; texts add up, with each other and with plain words."""

    spans: tuple[Span, ...] = ()

    def __str__(self) -> str:
        return "".join(span.text for span in self.spans)

    def __bool__(self) -> bool:
        return bool(self.spans)

    def __add__(self, other: Text | str) -> Text:
        return Text(self.spans + as_text(other).spans)

    def __radd__(self, other: str) -> Text:
        return as_text(other) + self


def as_text(words: Text | str) -> Text:
    """Plain words as a text without marks."""
    if isinstance(words, Text):
        return words
    return Text((Span(words),)) if words else Text()


def marked(role: Role, words: str) -> Text:
    """Words in the colour of a role."""
    return Text((Span(words, role),))


def formula(tex: str, plain: str) -> Text:
    """A formula, and how it is written where none can be set."""
    return Text((Span(plain, tex=tex),))


A, B = marked("a", "A"), marked("b", "B")


def say(template: str, **values: Text | str) -> Text:
    """A sentence of a template: "After {method} the **barrier** of {A} and {B} is {naive:0.5}".

    `**strong**`, `*emphasis*` and `` `code` `` mark words of the template, never those of the values, which are put in
    as they are. {A} and {B} are the networks, and {role:words} has the colour of a role.
    """
    spans: list[Span] = []
    style: Style | None = None
    for literal, field, words, _ in Formatter().parse(template):
        for part in re.split(r"(\*\*|\*|`)", literal):
            if part in _TOGGLES:
                style = None if style else _TOGGLES[part]
            elif part:
                spans.append(Span(part, style=style))
        if field is not None:
            spans += [replace(span, style=span.style or style) for span in _filled(field, words or "", values).spans]
    return Text(tuple(spans))


def _filled(field: str, words: str, values: dict[str, Text | str]) -> Text:
    if field in values:
        return as_text(values[field])
    if field in ("A", "B"):
        return {"A": A, "B": B}[field]
    (role,) = (role for role in get_args(Role) if role == field)
    return marked(role, words)


def joined(parts: Iterable[Text | str], between: str = " ") -> Text:
    """Parts one after the other; empty ones leave no gap."""
    whole = Text()
    for part in (part for part in parts if part):
        whole = whole + between + part if whole else as_text(part)
    return whole
