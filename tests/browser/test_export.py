"""The picture for a paper: saved from the page at a chosen width, without what is there to be pressed."""

import re
import struct
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from visiting import opened

pytestmark = pytest.mark.browser


def saved(page: Page, label: str) -> bytes:
    with page.expect_download(timeout=120_000) as download:
        page.get_by_test_id("stDownloadButton").get_by_role("button", name=label).click()
    return Path(download.value.path()).read_bytes()


def test_the_figure_alone_is_saved_at_a_chosen_width_as_pdf_svg_and_png(page: Page) -> None:
    opened(page, "/?tab=Data")
    width = page.get_by_label("Width of the figure, pixels")
    expect(width).to_have_value("1100")
    width.fill("900")
    width.press("Enter")
    page.wait_for_timeout(1_000)
    png = saved(page, "Figure, PNG")
    assert struct.unpack(">I", png[16:20]) == (1800,)
    svg = saved(page, "Figure, SVG").decode()
    assert re.search(r'<svg[^>]* width="900"', svg)
    assert "Before alignment" in svg
    assert "slider-rail" not in svg
    assert "updatemenu" not in svg
    pdf = saved(page, "Figure, PDF")
    assert pdf.startswith(b"%PDF")
    assert b"/FontFile" in pdf or b"/Type3" in pdf


def test_the_report_keeps_its_figures_legible_on_a_phone(page: Page, tmp_path: Path) -> None:
    opened(page, "/?tab=Data")
    report = tmp_path / "report.html"
    report.write_bytes(saved(page, "Report, HTML"))
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(report.as_uri())
    figures = page.locator(".js-plotly-plot")
    expect(figures.first.locator(".main-svg").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for figure in figures.all():
        box = figure.bounding_box()
        assert box is not None
        assert box["width"] >= 700, "its panels lie on each other"
    said = page.locator("figure").first.evaluate("one => getComputedStyle(one, '::before').content")
    assert "Swipe" in said
