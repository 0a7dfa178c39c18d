"""The tour of Explore: every stop is a part of the page that is there and seen, and nothing moves on the way."""

import pytest
from playwright.sync_api import Browser, Page, expect
from serving import Server
from visiting import opened

from lmc_core.words.tour import TOUR
from pages._show.tour import PARTS

pytestmark = pytest.mark.browser
BOX = "part => { const box = part.getBoundingClientRect(); return [box.x, box.width, box.height] }"


def test_a_newcomer_is_shown_around_and_leaves_whenever_they_like(page: Page) -> None:
    opened(page)
    figure = page.locator(".st-key-figure")
    before = figure.evaluate(BOX)
    page.get_by_role("button", name="Show me around").click()
    assert set(PARTS) == set(TOUR)
    for number, (name, stop) in enumerate(TOUR.items(), 1):
        expect(page.locator(".st-key-tour")).to_contain_text(f"{stop.title} · {number} of {len(TOUR)}")
        part = page.locator(PARTS[name]).first
        expect(part).to_be_visible()
        expect(part).to_have_css("outline-style", "solid")
        expect(part).to_be_in_viewport()
        assert figure.evaluate(BOX) == before, "the card lies over the page and moves nothing"
        assert f"tour={number}" in page.url
        if number < len(TOUR):
            page.get_by_role("button", name="Next").click()
    page.go_back()
    expect(page.locator(".st-key-tour")).to_contain_text(f"{len(TOUR) - 1} of {len(TOUR)}")
    page.get_by_role("button", name="Leave the tour").click()
    expect(page.locator(".st-key-tour")).to_have_count(0)
    assert "tour=" not in page.url
    expect(page.locator(PARTS["tabs"]).first).to_have_css("outline-style", "none")


def test_the_card_of_the_tour_fits_on_a_phone(browser: Browser, server: Server) -> None:
    phone = browser.new_context(viewport={"width": 390, "height": 844}, base_url=server.url)
    page = opened(phone.new_page(), "/?tour=3")
    box = page.locator(".st-key-tour").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert box["y"] + box["height"] <= 844
    phone.close()


@pytest.mark.parametrize("asked", ["0", "99", "inf", "there"])
def test_a_stop_that_is_not_there_shows_no_card(page: Page, asked: str) -> None:
    opened(page, f"/?tour={asked}")
    expect(page.locator(".st-key-tour")).to_have_count(0)
