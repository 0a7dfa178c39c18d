"""Text in figures: at every width of a window nothing is written over anything else, and nothing is cut off."""

from collections.abc import Iterator
from pathlib import Path

import drawing
import pytest
from lettering import COLUMNS, covered, wrong
from playwright.sync_api import Browser
from serving import Server

from lmc_core.figures.sheet import LayoutName
from lmc_core.runs.library import data as datasets

pytestmark = pytest.mark.browser
PAIRS = {"digits-mlp-128": "digits", "digits-lstm": "digits", "digits-cnn": "digits", "cifar10-resnet8": "cifar10"}


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the figures of every pair."""
    folder: Path = tmp_path_factory.mktemp("board")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "read", drawing.small)
        for family, data in PAIRS.items():
            drawing.write(drawing.figures(family, data, folder / family), folder / family)
    running = Server(tmp_path_factory.mktemp("home"), "tests/browser/board.py", LMC_BOARD=str(folder))
    yield running
    running.stop()


@pytest.mark.parametrize("layout", COLUMNS)
@pytest.mark.parametrize("family", PAIRS)
def test_no_text_lies_on_another_or_is_cut_off(
    browser: Browser, board: Server, family: str, layout: LayoutName
) -> None:
    found = wrong(browser, board, family, layout)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("family", PAIRS)
def test_no_hover_box_covers_a_word(browser: Browser, board: Server, family: str) -> None:
    found = covered(browser, board, family)
    assert not found, "\n".join(found)
