"""Arrays that several threads read at once are never taken for damaged."""

import io
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from lmc_core.data.steady import TRIES, steady

SECONDS = 3.0


class Late:
    """Garbage whose end takes Python code, so that another thread may go on in the middle of what made it."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        for _ in range(3_000):
            pass


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads that take turns five hundred times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty")
def test_threads_that_read_arrays_at_once_find_all_of_them_sound() -> None:
    file = io.BytesIO()
    np.savez(file, **{f"array{size}": np.arange(size) for size in range(30)})
    wrong: list[Exception] = []
    end = time.monotonic() + SECONDS

    def once() -> int:
        with np.load(io.BytesIO(file.getvalue()), allow_pickle=False) as stored:
            return sum(len(stored[name]) for name in stored.files)

    def reads() -> None:
        while time.monotonic() < end:
            Late()
            try:
                assert steady(once) == sum(range(30))
            except Exception as error:  # noqa: BLE001 which is what must not happen
                wrong.append(error)

    threads = [threading.Thread(target=reads) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_what_fails_every_time_fails() -> None:
    tried: list[None] = []

    def never() -> None:
        tried.append(None)
        raise SystemError("no")

    with pytest.raises(SystemError, match="no"):
        steady(never)
    assert len(tried) == TRIES
