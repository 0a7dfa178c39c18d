"""Words that come from files and visitors, on their way into Markdown."""

import re


def escaped(text: str) -> str:
    """`text` as it stands: `__init__` keeps its underscores, and nothing becomes a link or a picture."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)
