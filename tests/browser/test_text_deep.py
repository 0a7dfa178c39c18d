"""Text in figures of networks with many layers: nothing is written over anything else, and nothing is cut off."""

from collections.abc import Iterator
from pathlib import Path

import drawing
import pytest
from lettering import COLUMNS, wrong
from playwright.sync_api import Browser
from serving import Server

from lmc_core.figures.sheet import LayoutName
from lmc_core.runs.library import data as datasets

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the figures of every deep network."""
    folder: Path = tmp_path_factory.mktemp("board")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "read", drawing.small)
        for name in drawing.DEEP:
            (folder / name).mkdir()
            drawing.write(drawing.deep(name), folder / name)
    running = Server(tmp_path_factory.mktemp("home"), "tests/browser/board.py", LMC_BOARD=str(folder))
    yield running
    running.stop()


@pytest.mark.parametrize("layout", COLUMNS)
@pytest.mark.parametrize("name", drawing.DEEP)
def test_no_text_of_a_deep_network_lies_on_another_or_is_cut_off(
    browser: Browser, board: Server, name: str, layout: LayoutName
) -> None:
    found = wrong(browser, board, name, layout)
    assert not found, "\n".join(found)
