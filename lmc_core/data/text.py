"""Texts as data: windows of characters, of which every next one is to be told."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmc_core.data.dataset import Dataset
from lmc_core.errors import DataError

CONTEXT = 64
"""Characters of one example."""
CHARACTERS = ("\n", *map(chr, range(32, 127)))
"""The tokens, in order: line feed and printable ASCII. One alphabet for all texts, so that a network reads any."""
HELD_OUT = 0.1
"""Share of the text, its end, that is for testing."""
LARGEST = 32 << 20
"""Bytes of a text."""
EACH = 16
"""Bytes that a character takes once it is read: a token and a target."""
LOST = 0.1
"""Largest share of characters that may have no token."""

_LIKE = {ord(mark): plain for mark, plain in zip("‘’‚‛“”„‐‑‒–—−\t\v\f\r", "''''\"\"\"------    ", strict=True)}
_SHOWN = {"\n": "line feed", " ": "space"}


def topics() -> Dataset:
    """The help texts that Python carries (`pydoc_data.topics`, by title): the Language Reference on some 80 subjects.

    About 465 000 characters; a little is reworded in every release of Python, so digests are of one release.

    Raises DataError where Python was installed without its documentation.
    """
    try:
        from pydoc_data.topics import topics as texts
    except ImportError:
        raise DataError(
            "the text comes with Python (pydoc_data.topics), and this Python was installed without it; "
            "give the path of a .txt file of your own"
        ) from None
    return windows("text", "\n".join(texts[title] for title in sorted(texts)))


def load(path: Path, largest: int = LARGEST * EACH) -> Dataset:
    """A user's own text, in UTF-8.

    largest   bytes that its tokens and targets may take

    Raises DataError where it is none, too long or too short, or in letters that have no token.
    """
    if not path.is_file():
        raise DataError(f"{path} does not exist")
    size, limit = path.stat().st_size, min(LARGEST, largest // EACH)
    if size > limit:
        raise DataError(f"{path} holds {size / 2**20:.1f} MB of text; the limit is {limit / 2**20:.1f} MB")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as problem:
        raise DataError(f"{path} is not text in UTF-8 (byte {problem.start}); save it in that encoding") from None
    return windows(path.stem, text)


def windows(name: str, text: str, context: int = CONTEXT) -> Dataset:
    """A text cut into windows that do not overlap, its end held out.

    x   (windows, context) int64, numbers of characters in `CHARACTERS`
    y   the same, one character later

    Raises DataError where training or test part has not one window, or too much of the text has no token.
    """
    ids = tokens(name, text)
    cut = round(len(ids) * (1 - HELD_OUT))
    parts = [_windows(part, context) for part in (ids[:cut], ids[cut:])]
    if not all(len(part) for part in parts):
        needed = round((context + 1) / HELD_OUT)
        raise DataError(
            f"the text {name!r} has {len(ids)} characters; {needed} are needed, a tenth of them for testing"
        )
    (x_train, y_train), (x_test, y_test) = ((part[:, :-1], part[:, 1:]) for part in parts)
    return Dataset(name, x_train, y_train, x_test, y_test, tuple(_SHOWN.get(c, c) for c in CHARACTERS))


def tokens(name: str, text: str) -> NDArray[np.int64]:
    """Numbers of the characters; accents and typographic marks as plain ASCII, the rest left out. Raises DataError."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    plain = unicodedata.normalize("NFKD", lines.translate(_LIKE))
    plain = plain.translate({ord(c): None for c in set(plain) if unicodedata.combining(c)})
    letters = np.frombuffer(plain.encode("utf-32-le", "surrogatepass"), "<u4")
    ids = np.full(max(128, int(letters.max(initial=0)) + 1), -1)
    ids[[ord(c) for c in CHARACTERS]] = np.arange(len(CHARACTERS))
    found = ids[letters]
    lost = int((found < 0).sum())
    if lost > LOST * len(found):
        raise DataError(
            f"{lost} of {len(found)} characters of the text {name!r} are not of the Latin alphabet, for which alone "
            "there are tokens; give a text in English or another language in Latin letters"
        )
    return found[found >= 0]


def _windows(ids: NDArray[np.int64], context: int) -> NDArray[np.int64]:
    """(windows, context + 1), each with the first character of the next at its end."""
    count = max(0, len(ids) - 1) // context
    return ids[np.arange(count)[:, None] * context + np.arange(context + 1)]
