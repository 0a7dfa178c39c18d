"""What is said of a finished run wherever it is shown: on its page, in its files, in its report, in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lmc_core.words.finding import Card
from lmc_core.words.marks import Text
from lmc_core.words.measures import Measures
from lmc_core.words.models import assumed

if TYPE_CHECKING:
    from lmc_core.figures.palette import ThemeName
    from lmc_core.figures.report import Picture

Columns = Mapping[str, Sequence[Any]]
NO_WORDS = Text()


def no_pictures(look: ThemeName = "light") -> Sequence[Picture]:
    """Of a kind that draws nothing."""
    return ()


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


@dataclass(frozen=True, eq=False, kw_only=True)
class Summary:
    """A result in words, numbers, tables and pictures.

    finding    the heading
    about      models and data in one line;  cards: the numbers;  caption: what to look at in the figure
    tables     the first is the one to show
    pictures   (theme, light if not said) → the figures of the report; the first is that of the page
    """

    result: Any
    finding: Text
    about: Text = NO_WORDS
    cards: tuple[Card, ...] = ()
    caption: Text = NO_WORDS
    notes: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: Callable[..., Sequence[Picture]] = no_pictures

    @property
    def assumed(self) -> tuple[str, ...]:
        """What was assumed of the models because their files do not say it."""
        return tuple(f"Assumed {what}." for _, what in assumed(getattr(self.result, "models", ())))

    def named(self, measures: Measures) -> Summary:
        """The same in the names that loss and score have in a task."""
        said = measures.said
        return replace(
            self,
            finding=said(self.finding),
            about=said(self.about),
            cards=tuple(
                replace(card, label=said(card.label), note=said(card.note), help=said(card.help)) for card in self.cards
            ),
            caption=said(self.caption),
            tables=tuple(
                replace(one, title=said(one.title), alt=said(one.alt), note=said(one.note)) for one in self.tables
            ),
        )
