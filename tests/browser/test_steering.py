"""Figures without the server: their slider by keys, their position and camera in the address, their numbers."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from serving import Server
from visiting import opened

pytestmark = pytest.mark.browser
SLIDER = ".st-key-figure .slider-group"
OUTLINE = "group => getComputedStyle(group).outlineWidth"


@pytest.fixture
def visitor(browser: Browser, server: Server) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=server.url, accept_downloads=True)
    yield context
    context.close()


def read_out(page: Page) -> str:
    return str(page.locator(".st-key-figure .slider-label").first.text_content())


def test_keys_move_the_slider_its_place_is_in_the_address_and_stays_when_the_layer_changes(page: Page) -> None:
    opened(page)
    slider = page.locator(SLIDER)
    expect(slider).to_have_attribute("role", "slider")
    slider.focus()
    said = {}
    for key in ("ArrowLeft", "ArrowLeft", "ArrowRight", "Home", "End", "PageDown"):
        page.keyboard.press(key)
        page.wait_for_timeout(150)
        said[key] = (slider.get_attribute("aria-valuenow"), read_out(page)[:8])
    assert said["ArrowRight"] == ("11", "t = 0.46")
    assert said["Home"] == ("0", "t = 0.00")
    assert said["End"] == ("24", "t = 1.00")
    assert said["PageDown"] == ("19", "t = 0.79")
    assert str(slider.get_attribute("aria-valuetext")).startswith("t = 0.79")
    assert slider.evaluate(OUTLINE) == "2px", "who comes by keys sees where they are"
    page.wait_for_url(re.compile(r"[?&]t=0\.79"))
    page.get_by_role("radio", name="Layer 2").click()
    expect(page.locator(".st-key-figure .annotation-text").filter(has_text="layer 2").first).to_be_visible()
    assert read_out(page).startswith("t = 0.79")
    again = opened(page.context.new_page(), page.url)
    assert read_out(again).startswith("t = 0.79")
    expect(again.get_by_role("radio", name="Layer 2")).to_be_checked()


def test_the_numbers_of_a_figure_are_one_click_away(visitor: BrowserContext, tmp_path: Path) -> None:
    page = opened(visitor.new_page())
    page.locator(".st-key-figure").hover()
    with page.expect_download() as download:
        page.locator(".st-key-figure").get_by_role("button", name="What is drawn, as CSV").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
    assert file.name == "figure.csv"
    naive = [float(row["y"]) for row in rows if row["drawn"].startswith("naive") and row["y"]]
    assert max(naive) > 1.0, "the barrier that the page speaks of is in it"


def test_the_camera_of_a_relief_is_in_the_address_and_comes_back_from_it(visitor: BrowserContext) -> None:
    page = visitor.new_page()
    seen = "1.200,-1.100,0.900"
    page.goto(f"/landscape?shape=relief&eye={seen}")
    plot = page.locator(".js-plotly-plot")
    expect(plot.locator(".main-svg").first).to_be_visible()
    camera = plot.first.evaluate("graph => graph._fullLayout.scene.camera.eye")
    assert camera == {"x": 1.2, "y": -1.1, "z": 0.9}
    page.wait_for_timeout(1000)
    turned = {"eye": {"x": -2.0, "y": 0.5, "z": 1.0}}
    plot.first.evaluate("(graph, camera) => graph.emit('plotly_relayout', {'scene.camera': camera})", turned)
    page.wait_for_url(re.compile("eye=-2"))
    assert parse_qs(urlsplit(page.url).query)["eye"] == ["-2.000,0.500,1.000"]
