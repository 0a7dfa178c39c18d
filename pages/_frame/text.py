"""Words on their way into Streamlit's Markdown: sentences with their marks, and words of files and visitors."""

import re
from collections.abc import Iterable, Mapping
from itertools import groupby

from lmc_core.words.marks import Role, Span, Style, Text, as_text

_COLOURS: Mapping[Role, str] = {
    "a": "blue", "b": "violet", "naive": "orange", "aligned": "green", "fused": "yellow", "grey": "gray",
}  # fmt: skip
_STYLES: Mapping[Style | None, str] = {None: "", "strong": "**", "emphasis": "*", "code": "`"}
_SPECIAL = re.compile(r"([\\`*_\[\]<>$~|&#@{}]|:(?=\S)|(?<=www)\.)")
"""What would begin a mark, a link, an icon or a formula."""


def markdown(text: Text | str) -> str:
    """A text with its marks as Streamlit writes them; its words stand as they are, whoever they come from."""
    return "".join(_styled(style, spans) for style, spans in groupby(as_text(text).spans, key=lambda span: span.style))


def escaped(text: str) -> str:
    """`text` as it stands: `__init__` keeps its underscores, and nothing becomes a link or a picture."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def _styled(style: Style | None, spans: Iterable[Span]) -> str:
    """Neighbours of one style; spaces at their edges stay outside of the marks, which would not count otherwise."""
    words = "".join(span.text if style == "code" else _coloured(span) for span in spans)
    inner, mark = words.strip(), _STYLES[style]
    return words.replace(inner, f"{mark}{inner}{mark}", 1) if inner else words


def _coloured(span: Span) -> str:
    if span.tex is not None:
        return f"${span.tex}$"
    words = _SPECIAL.sub(r"\\\1", span.text)
    return words if span.role is None else f":{_COLOURS[span.role]}[{words}]"
