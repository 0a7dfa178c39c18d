"""The same conditions for every test: threads that wait do not spin, and a home that is thrown away."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read once, when torch is first imported
os.environ.setdefault("LMC_HOME", tempfile.mkdtemp(prefix="lmc-tests-"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A machine of its own, without an engine: what is asked for stays in the queue."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LMC_DATA", "LMC_CHECKPOINTS", "LMC_STORE", "LMC_DATABASE_URL"):
            patch.delenv(name, raising=False)
        patch.setenv("LMC_HOME", str(folder))
        yield folder
