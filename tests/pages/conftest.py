"""Small runs of every kind of analysis, really computed and stored once for each file that asks for them."""

from pathlib import Path

import pytest
from asking import request_of
from scripts import ANALYSES, computed

from lmc_core.runs.kinds.request import Request


@pytest.fixture(scope="module")
def analyses(home: Path) -> dict[str, Request]:
    """Kind → a finished run."""
    return {kind: computed(request_of(kind, **options), home / "work" / kind) for kind, options in ANALYSES.items()}
