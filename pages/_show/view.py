"""What a kind of run says of its results, and how it draws them: one `View` in the file of its name beside this one."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from importlib import import_module
from typing import Any

from lmc_core.runs.summary._summary import NO_WORDS, Summary
from lmc_core.words.marks import Text
from pages._show.command import command


@dataclass(frozen=True)
class File:
    """Something to save, made when somebody asks for it; `ending` follows the id of the run."""

    label: str
    icon: str
    ending: str
    make: Callable[[], bytes]


@dataclass(frozen=True, eq=False, kw_only=True)
class Shown(Summary):
    """What is said of a finished run on its page, in its files and in its report.

    look       what the controls above the figure say
    more       the heading goes on with it, as what was drawn beside the run
    listings   title → command line, Python …
    files      what can be saved beside tables, report and request
    """

    run: str
    look: Any
    more: Text = NO_WORDS
    listings: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    files: tuple[File, ...] = ()

    @classmethod
    def of(cls, said: Summary, run: str, look: Any, **more: Any) -> Shown:
        """A summary as a page shows it."""
        listings = {"Command line": partial(command, said.result), **more.pop("listings", {})}
        return cls(**vars(said), run=run, look=look, listings=listings, **more)


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
