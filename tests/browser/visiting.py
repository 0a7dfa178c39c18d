"""What a visitor does again and again in a real browser."""

import re

from playwright.sync_api import Locator, Page, expect

COMPUTED = 240_000  # ms for a run on a busy machine


def finding(page: Page) -> Locator:
    return page.get_by_role("heading", level=2)


def opened(page: Page, address: str = "/") -> Page:
    """The page at an address, once its figure is drawn."""
    page.goto(address)
    expect(page.locator(".js-plotly-plot .slider-group")).to_have_count(1, timeout=COMPUTED)
    expect(page.locator(".js-plotly-plot .slider-group")).to_be_visible()
    return page


def choose(page: Page, label: str, option: str) -> None:
    """Pick an option of a select box of the sidebar, by typing: a long list is drawn in part."""
    box = page.get_by_test_id("stSidebar").get_by_role("combobox", name=re.compile(label))
    box.click()
    box.fill(option)
    page.get_by_role("option", name=option, exact=True).click()
