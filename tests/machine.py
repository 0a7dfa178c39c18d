"""A machine of a test's own: a home, the settings of its host, and an engine that works there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lmc_core import runs
from lmc_core.runs import keep

OTHER = ("LMC_STORE", "LMC_DATABASE_URL", "LMC_CHECKPOINTS", "LMC_LOGIN", "LMC_ENGINE")


@contextmanager
def machine(home: Path, **settings: str) -> Iterator[None]:
    """An engine with this home and these variables of the host, for as long as the block lasts."""
    with pytest.MonkeyPatch.context() as patch:
        for name in OTHER:
            patch.delenv(name, raising=False)
        for name, text in {"LMC_HOME": str(home), **settings}.items():
            patch.setenv(name, text)
        runs.start()
        yield
        runs.stop()
        keep.opened().index.close()
