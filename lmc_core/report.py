"""How long work tells how far it is, and how it is stopped."""

from collections.abc import Callable

Report = Callable[[str, int, int], None]
"""`report(stage, done, total)`: called often; it stops the work by raising `Cancelled`."""


def silent(stage: str, done: int, total: int) -> None:
    """The report that tells nobody."""
