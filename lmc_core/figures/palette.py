"""The colours of every picture, in light and dark: of networks, paths and methods, and greys (Okabe–Ito based).

A method or a fusion has one look on every page: its colour, its dash and its symbol. Where it is the aligned path of a
run, beside the unaligned one, it is drawn as `aligned`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lmc_core.fusion import FUSIONS
from lmc_core.methods import METHODS

ThemeName = Literal["light", "dark"]


@dataclass(frozen=True)
class Ink:
    """One meaning: `mark` for lines and dots, `text` for words, which need more contrast."""

    mark: str
    text: str


@dataclass(frozen=True)
class Theme:
    """All colours of one theme.

    a, b             the networks; B keeps its colour when it is re-ordered
    naive, aligned   the paths, without and with alignment; `fused`: one network made of several
    grey             links, chords, cursor; `ticks` is its text
    text, page       the page's own
    series           methods and fusions, and the lines of any other picture, in their order: the clearest first
    groups           lines of groups of units, each beside its name
    classes          classes of examples, where units are coloured by them
    dots, fill       opacity of unlinked dots; of the area between a curve and its chord
    sequential       colour scale from nothing to much; `diverging` from negative to positive
    """

    a: Ink
    b: Ink
    naive: Ink
    aligned: Ink
    fused: Ink
    fused_outline: str
    grey: Ink
    ticks: str
    rail: str
    page: str
    text: str
    dots: float
    sequential: tuple[tuple[float, str], ...]
    series: tuple[str, ...]
    diverging: tuple[tuple[float, str], ...]
    groups: tuple[str, ...]
    classes: tuple[str, ...]
    grid: str = "rgba(122,135,148,.17)"
    fill: float = 0.09

    @property
    def neutral(self) -> str:
        """Figure text that says nothing of a network or a path."""
        return self.grey.text

    @property
    def halo(self) -> str:
        """Marker outline: the page's colour."""
        return self.page


THEMES: dict[str, Theme] = {
    "light": Theme(
        a=Ink("#0072B2", "#0067A3"),
        b=Ink("#AA4F86", "#9A4379"),
        naive=Ink("#D55E00", "#B84F00"),
        aligned=Ink("#009E73", "#00795A"),
        fused=Ink("#E69F00", "#9A6A00"),
        fused_outline="#9A6A00",
        grey=Ink("#71808E", "#5B6975"),
        ticks="#667480",
        rail="#A3AFBA",
        page="#FFFFFF",
        text="#1B2733",
        dots=0.30,
        sequential=((0.0, "#F7FBFF"), (0.25, "#C6DBEF"), (0.5, "#6BAED6"), (0.75, "#2171B5"), (1.0, "#08306B")),
        series=(
            "#8706B6",
            "#2C586D",
            "#416010",
            "#D82F4A",
            "#6A724D",
            "#373095",
            "#750951",
            "#843E4A",
            "#715FDD",
            "#483E04",
            "#1F19F6",
            "#C919C2",
        ),
        classes=(
            "#1B3E51",
            "#9702F7",
            "#D76AA2",
            "#197044",
            "#8688E5",
            "#B2148D",
            "#78080B",
            "#0C05CE",
            "#610984",
            "#C61621",
        ),
        groups=("#542788", "#9A6A00", "#1B7F79", "#A03C3C", "#4C5C9A", "#6B6B1F"),
        diverging=((0.0, "#B35806"), (0.25, "#FDB863"), (0.5, "#F7F7F7"), (0.75, "#B2ABD2"), (1.0, "#542788")),
    ),
    "dark": Theme(
        a=Ink("#56B4E9", "#7CC6F0"),
        b=Ink("#DB8FBB", "#E3A3C7"),
        naive=Ink("#F0804A", "#F5976A"),
        aligned=Ink("#2FBF93", "#45CFA5"),
        fused=Ink("#E69F00", "#F0B93A"),
        fused_outline="#9A6A00",
        grey=Ink("#8795A2", "#A3B0BC"),
        ticks="#8795A2",
        rail="#5E6C79",
        page="#10161D",
        text="#E6EBF0",
        dots=0.42,
        sequential=((0.0, "#10161D"), (0.5, "#17496B"), (1.0, "#9BD8FF")),
        series=(
            "#BC73E4",
            "#2B92BD",
            "#8ECE27",
            "#BF7779",
            "#C6D58D",
            "#7374FB",
            "#DF57A7",
            "#FBB3BB",
            "#BFBDF5",
            "#FEDF38",
            "#92822C",
            "#FA2E1E",
        ),
        classes=(
            "#125EFE",
            "#F66DFE",
            "#AECD8D",
            "#14AE1D",
            "#9C34BF",
            "#D22451",
            "#2CEF1B",
            "#8A8FB2",
            "#FEB0E3",
            "#2E710B",
        ),
        groups=("#B9AEFF", "#F0B93A", "#5FCFC6", "#F09A94", "#9DB2F2", "#CFCF6A"),
        diverging=((0.0, "#FFB765"), (0.25, "#9A5B12"), (0.5, "#161D25"), (0.75, "#5B4FA3"), (1.0, "#B9AEFF")),
    ),
}

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
"""Layers are told apart by dash, never by colour."""
SYMBOLS = (
    *("square", "triangle-up", "cross", "star", "triangle-down", "pentagon", "hexagon", "x", "hourglass", "circle"),
    *("bowtie", "hexagram"),
)


@dataclass(frozen=True)
class Look:
    """How a line is drawn: colour, dash, symbol."""

    colour: str
    dash: str
    symbol: str


def look(number: int, theme: Theme) -> Look:
    """The look of a line by its number: that of a method, or of any other series."""
    colours = theme.series
    return Look(colours[number % len(colours)], DASHES[number % len(DASHES)], SYMBOLS[number % len(SYMBOLS)])


def method_look(name: str, theme: Theme) -> Look:
    """The look of a method of alignment or fusion on every page; without alignment, that of the naive path.

    Raises KeyError for a name that is neither.
    """
    if name in UNALIGNED:
        return Look(theme.naive.mark, "solid", "diamond")
    table = METHODS if name in METHODS else FUSIONS
    numbers = {known: number for number, known in enumerate(known for known in table if known not in UNALIGNED)}
    return look(numbers[name], theme)


UNALIGNED = ("identity", "vanilla-average")
"""The method and the fusion that leave all units where they are."""


def theme_of(name: str) -> Theme:
    """The theme of that name; light for anything unknown, since its marks stay readable on a dark page too."""
    return THEMES.get(name, THEMES["light"])


def faded(colour: str, opacity: float) -> str:
    """#RRGGBB with an opacity, as plotly reads it."""
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two #RRGGBB colours, 1…21 (WCAG 2.1, relative luminance)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)
