"""A visitor clicks a unit in the figure and looks at its weights."""

import re

import pytest
from playwright.sync_api import Page, expect
from visiting import opened

pytestmark = pytest.mark.browser
RINGED = ".st-key-figure .unit-ring"
CENTRES = """() => [...document.querySelectorAll('.st-key-figure .unit-ring > svg')].map(panel => {
    const marks = [...panel.querySelectorAll('circle, polygon')].map(mark => mark.getBoundingClientRect());
    return marks.map(box => [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)]);
})"""
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
    ring = page.locator(RINGED)
    expect(ring).to_have_count(1)
    expect(ring.get_by_text(f"A {number}", exact=True)).to_have_count(2)
    assert any(mark == pytest.approx(place, abs=2) for mark in page.evaluate(CENTRES)[0])

    page.get_by_role("combobox", name=re.compile("Look at a unit")).click()
    page.keyboard.type("17")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Unit 17 of layer 1.", exact=True)).to_be_visible()
    assert readout.text_content() == moved
    expect(ring).to_have_count(1)
    expect(ring.get_by_text("A 17", exact=True)).to_have_count(2)


def test_a_link_rings_its_unit_and_the_ring_follows_the_slider(page: Page) -> None:
    opened(page, "/?unit=97")
    ring = page.locator(RINGED)
    expect(ring.get_by_text("A 97", exact=True)).to_have_count(2)
    first = page.evaluate(CENTRES)
    grip = page.locator(".st-key-figure .slider-grip-rect").bounding_box()
    assert grip is not None
    x, y = grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 400, y, steps=8)
    page.mouse.up()
    expect(page.locator(".st-key-figure .slider-label").first).to_have_text(re.compile("t = 0.00"))
    moved = page.evaluate(CENTRES)
    assert [panel[0] for panel in moved] == [panel[0] for panel in first]
    for panel in moved:  # at t = 0 the average is A's unit
        assert panel[-1] == pytest.approx(panel[0], abs=1)
    page.set_viewport_size({"width": 500, "height": 900})
    expect(page.get_by_test_id("stPopover").filter(has_text="View: layer")).to_be_visible()
    expect(ring.get_by_text("A 97", exact=True)).to_have_count(2)


def test_units_are_coloured_by_class_in_cloud_and_list_and_the_link_keeps_it(page: Page) -> None:
    opened(page)
    page.get_by_text("Colour by class", exact=True).click()
    page.wait_for_url(re.compile(r"[?&]classes=true"))
    key = page.locator(".st-key-figure .annotation-text")
    expect(key.filter(has_text=re.compile("● 0.*● 9"))).to_have_count(1)
    expect(page.get_by_text("the class of examples that a unit responds to most")).to_be_visible()
    page.get_by_text("All units of layer 1, worst match first").click()
    expect(page.locator(".st-key-units canvas").first).to_be_visible()
    again = opened(page.context.new_page(), page.url)
    expect(again.locator(".st-key-figure .annotation-text").filter(has_text=re.compile("● 0.*● 9"))).to_have_count(1)
    colours = again.evaluate(
        """() => [...document.querySelectorAll('.st-key-figure .subplot.x3y3 .scatterlayer .points path')]
        .map(dot => dot.style.fill)"""
    )
    assert len(set(colours)) > 10, "one colour per class, and that of the path"


def test_a_row_of_the_list_of_units_is_looked_at(page: Page) -> None:
    opened(page)
    page.get_by_text("All units of layer 1, worst match first").click()
    table = page.locator(".st-key-units canvas").first
    expect(table).to_be_visible()
    box = table.bounding_box()
    assert box is not None
    page.wait_for_timeout(500)
    page.mouse.click(box["x"] + 18, box["y"] + 37 + 17)
    page.wait_for_url(re.compile(r"[?&]unit=\d+"))
    listed = re.findall(r"unit=(\d+)", page.url)[0]
    expect(page.get_by_text(f"Unit {listed} of layer 1.", exact=True)).to_be_visible()
    page.get_by_role("combobox", name=re.compile("Look at a unit")).click()
    page.keyboard.type("none")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Worst match").click()
    page.wait_for_url(re.compile(rf"[?&]unit={listed}(&|$)"))
