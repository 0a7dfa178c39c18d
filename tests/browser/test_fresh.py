"""A server whose very first visitor follows a link, and that has nothing to show."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from serving import PATIENCE, ROOT, Server

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without any model."""
    empty: Path = tmp_path_factory.mktemp("empty")
    running = Server(tmp_path_factory.mktemp("bare"), LMC_CHECKPOINTS=str(empty))
    yield running
    running.stop()


@pytest.fixture
def visitor(browser: Browser, bare: Server) -> Iterator[Page]:
    context = browser.new_context(base_url=bare.url)
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def test_the_first_hit_of_a_fresh_server_may_be_a_link_to_a_run(visitor: Page) -> None:
    visitor.goto("/run?id=0123456789abcdef")
    expect(visitor.get_by_role("heading", level=2)).to_have_text("There is no such run on this server.")
    expect(visitor.get_by_text("0123456789abcdef")).to_be_visible()
    expect(visitor).to_have_title("Mode Connectivity Explorer")


def test_a_server_without_models_asks_for_two_files(visitor: Page) -> None:
    visitor.goto("/")
    expect(visitor.get_by_role("heading", level=2)).to_contain_text("Drop two checkpoints")
    expect(visitor.locator("input[type=file]")).to_have_count(2)


def test_two_dropped_files_become_a_pair(visitor: Page) -> None:
    visitor.goto("/")
    for number in range(2):
        box = visitor.locator("input[type=file]").nth(number)
        box.set_input_files(ROOT / "checkpoints" / "digits-mlp-32" / f"seed{number}.safetensors")
        if number == 0:
            expect(visitor.get_by_role("button", name="Use as B").first).to_be_visible(timeout=120_000)
    expect(visitor.get_by_role("heading", level=2)).to_have_text(
        "This pair has not been compared yet.", timeout=120_000
    )
    names = [visitor.get_by_role("combobox", name=f"Model {letter}").input_value() for letter in "AB"]
    assert len(set(names)) == 2
