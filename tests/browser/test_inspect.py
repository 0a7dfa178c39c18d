"""A visitor clicks a unit in the figure and looks at its weights."""

import re

import pytest
from playwright.sync_api import Page, expect
from test_story import opened

pytestmark = pytest.mark.browser
FARTHEST = """() => {
    const dots = [...document.querySelectorAll('.st-key-figure .subplot.x3y3 .scatterlayer .points path')];
    const boxes = dots.map(dot => dot.getBoundingClientRect());
    const places = boxes.map(box => [box.x + box.width / 2, box.y + box.height / 2]);
    return places.reduce((best, place) => place[0] > best[0] ? place : best);
}"""


def test_a_click_on_a_dot_shows_its_weights_and_leaves_the_slider_where_it_is(page: Page) -> None:
    opened(page)
    readout = page.locator(".st-key-figure .slider-label").first
    grip = page.locator(".st-key-figure .slider-grip-rect").bounding_box()
    assert grip is not None
    x, y = grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 100, y, steps=6)
    page.mouse.up()
    expect(readout).not_to_have_text(re.compile("t = 0.50"))
    moved = readout.text_content()
    page.wait_for_timeout(500)
    place = page.evaluate(FARTHEST)
    page.mouse.move(*place)
    page.mouse.click(*place)
    shown = page.locator(".st-key-unit-figure .js-plotly-plot")
    expect(shown.locator(".heatmaplayer image")).to_have_count(3)
    page.wait_for_url(re.compile(r"[?&]unit=\d+"))
    number = re.findall(r"unit=(\d+)", page.url)[0]
    expect(page.get_by_text(f"Unit {number} of layer 1.", exact=True)).to_be_visible()
    assert readout.text_content() == moved

    page.get_by_role("combobox", name=re.compile("Look at a unit")).click()
    page.keyboard.type("17")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Unit 17 of layer 1.", exact=True)).to_be_visible()
    assert readout.text_content() == moved
