"""Turns of pages: few are drawn at the same time, none waits for ever, and what fails gives its turn back."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pages._frame import turns
from pages._frame.turns import turn


def test_of_many_pages_two_are_drawn_at_the_same_time_and_all_are_drawn() -> None:
    lock, here, most = threading.Lock(), 0, 0
    both = threading.Barrier(2)

    def page() -> None:
        nonlocal here, most
        with turn():
            with lock:
                here += 1
                most = max(most, here)
            both.wait(timeout=20)
            with lock:
                here -= 1

    with ThreadPoolExecutor(10) as pool:
        for drawn in [pool.submit(page) for _ in range(10)]:
            drawn.result(timeout=60)
    assert (here, most) == (0, 2)


def test_a_page_is_drawn_though_those_before_it_never_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 0.05)
    with turn(), turn(), turn():
        drawn = True
    assert drawn
    with turn(), turn():
        assert not turns.PAGES.acquire(blocking=False), "a turn that nobody had was given back"


def test_a_page_that_fails_gives_its_turn_back() -> None:
    for _ in range(5):
        with pytest.raises(ZeroDivisionError), turn():
            raise ZeroDivisionError
    with turn():
        assert turns.PAGES.acquire(blocking=False)
        turns.PAGES.release()
