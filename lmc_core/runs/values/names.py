"""Names that come from outside: ids of runs, file names, tags."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lmc_core.errors import SettingError

RUN_ID = r"[0-9a-f]{16}"
TAGS = 6


def is_run_id(text: object) -> bool:
    """True if text has the form of a run id."""
    return isinstance(text, str) and bool(re.fullmatch(RUN_ID, text))


def plain_filename(name: str) -> str:
    """The last part of a path, printable characters only, 100 at most."""
    last = re.split(r"[/\\]", str(name))[-1]
    return "".join(c for c in last if c.isprintable()).strip()[-100:] or "unnamed"


def tidy_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """Tags in lower case, each once. Raises SettingError unless they are up to six words of at most 24 characters."""
    words = tuple(dict.fromkeys(str(tag).strip().lower() for tag in tags if str(tag).strip()))
    for word in words:
        if not re.fullmatch(r"[\w .+-]{1,24}", word):
            raise SettingError(f"tag {word[:40]!r} is not a word of up to 24 letters, digits, dots, dashes or spaces")
    if len(words) > TAGS:
        raise SettingError(f"{len(words)} tags are too many; a run has up to {TAGS}")
    return words
