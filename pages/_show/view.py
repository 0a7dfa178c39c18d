"""What a kind of run says of its results, and how it draws them: one `View` in the file of its name beside this one."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

from lmc_core.figures.report import Picture
from lmc_core.words.finding import Card
from lmc_core.words.marks import Text

Columns = Mapping[str, Sequence[Any]]
NO_WORDS = Text()


@dataclass(frozen=True)
class Table:
    """Columns that are shown, saved, or printed in a report.

    saved   what the file is called: "Curves"; empty: it is not saved
    title   over the table in a report; empty: it is not in there
    alt     what it shows in words, and `note` stands under it on the page
    open    it is read with the figure, and stands under it rather than under *Data*
    """

    columns: Callable[[], Columns]
    saved: str = ""
    title: str = ""
    alt: str = ""
    note: str = ""
    open: bool = False


@dataclass(frozen=True)
class File:
    """Something to save, made when somebody asks for it; `ending` follows the id of the run."""

    label: str
    icon: str
    ending: str
    make: Callable[[], bytes]


@dataclass(frozen=True, eq=False)
class Shown:
    """What is said of a finished run on its page, in its files and in its report.

    look       what the controls above the figure say
    finding    the heading, and `more` goes on with what was drawn beside it
    about      models and data in one line;  cards: the numbers;  caption: what to look at in the figure
    tables     the first is shown under *Data*, or those that are open under the figure
    pictures   makes the figures of the report
    listings   title → command line, Python …
    files      what can be saved beside tables, report and request
    """

    run: str
    result: Any
    look: Any
    finding: Text
    more: Text = NO_WORDS
    about: Text = NO_WORDS
    cards: tuple[Card, ...] = ()
    caption: Text = NO_WORDS
    notes: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: Callable[[], Sequence[Picture]] = tuple
    listings: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    files: tuple[File, ...] = ()


def nothing(*_: Any) -> None:
    """Where a kind has nothing to draw."""


@dataclass(frozen=True)
class View:
    """How runs of one kind are shown.

    shown    (result, run id, look) → what is said of it
    look     draws the controls above the figure, and returns what they say
    figure   draws the figure
    under    draws what stands between the figure and the tabs
    tabs     title → what lies under the figure, before *Data* and *Reproduce*
    height   pixels that they take, about; 0: this kind has no tabs at all
    brief    how many of the numbers stay where there is little room
    title    what cards of the gallery call such a run; empty: it is in no gallery
    page     the page whose controls ask for one
    doing    options → the heading while it is under way; by default what the kind says
    failed   the heading where one failed
    """

    shown: Callable[[Any, str, Any], Shown]
    look: Callable[[Any, str], Hashable] = nothing
    figure: Callable[[Shown], None] = nothing
    under: Callable[[Shown], None] = nothing
    tabs: Mapping[str, Callable[[Shown], None]] = field(default_factory=dict)
    height: int = 0
    brief: int | None = None
    title: str = ""
    page: str = ""
    doing: Callable[[Mapping[str, Any]], str] | None = None
    failed: str = "These two networks could not be compared."


@cache
def view(kind: str) -> View:
    """How runs of a kind are shown: the file of that name says so."""
    found = import_module(f"pages._show.{kind}").VIEW
    assert isinstance(found, View)
    return found
