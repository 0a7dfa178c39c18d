"""A real server and a real browser, one of each for all tests of this folder."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from serving import PATIENCE, Server

CHROMIUM = "/usr/bin/chromium"
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not shutil.which(CHROMIUM):
        missing = f"{CHROMIUM} is not installed"
        if os.environ.get("LMC_BROWSER_TESTS") == "required":
            pytest.fail(f"{missing}, and LMC_BROWSER_TESTS=required")
        pytest.skip(missing)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that was just started: nothing is stored, and it computes the default run of the digits pair."""
    running = Server(tmp_path_factory.mktemp("home"))
    yield running
    running.stop()


@pytest.fixture
def context(browser: Browser, server: Server) -> Iterator[BrowserContext]:
    """A visitor of the server with a desktop screen; of nothing that a page needs may the policy deprive it."""
    visitor = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=server.url)
    visitor.set_default_timeout(PATIENCE)
    said: list[str] = []
    visitor.on("console", lambda message: said.append(message.text))
    yield visitor
    visitor.close()
    assert not [text for text in said if "Content Security Policy" in text]


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()
