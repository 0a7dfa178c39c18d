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
