"""Three networks become one: seen at the first visit, made anew with other weights, taken along, kept, shared."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from serving import Server

pytestmark = pytest.mark.browser
COMPUTED = 240_000  # ms for a run on a busy machine


def finding(page: Page) -> Locator:
    return page.get_by_role("heading", level=2)


def fused(page: Page, address: str) -> Page:
    """The page at an address, once it shows a fusion and its figure."""
    page.goto(address)
    expect(finding(page)).to_contain_text(re.compile(r"Fused by .* networks (keep|reach)"), timeout=COMPUTED)
    expect(page.locator(".js-plotly-plot .annotation-text").filter(has_text="Accuracy").first).to_be_visible()
    return page


def tensors(file: Path) -> dict[str, list[int]]:
    """Name → shape of everything in a safetensors file."""
    content = file.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    return {name: about["shape"] for name, about in header.items() if name != "__metadata__"}


def test_three_networks_are_fused_anew_taken_along_kept_and_shared(
    page: Page, browser: Browser, server: Server, tmp_path: Path
) -> None:
    fused(page, "/fuse")
    before = finding(page).inner_text()
    assert "the three networks keep" in before
    expect(page.get_by_test_id("stMetric")).to_have_count(5)

    page.get_by_role("slider").first.focus()
    page.keyboard.press("End")
    expect(page.get_by_text("A 50.0% · B 25.0% · C 25.0%")).to_be_visible()
    page.wait_for_url(re.compile(r"weights=100%2C50%2C50"))
    expect(page.get_by_text("The controls have changed")).to_be_visible()
    page.get_by_role("button", name="Fuse the networks").click()
    expect(page.get_by_text("λ 0.50")).to_be_visible(timeout=COMPUTED)
    expect(page.get_by_text("The controls have changed")).to_have_count(0)
    expect(finding(page)).to_contain_text("the three networks keep")

    with page.expect_download() as taken:
        page.get_by_role("button", name="Download the fused network").click()
    taken.value.save_as(tmp_path / "fused.safetensors")
    assert tensors(tmp_path / "fused.safetensors")["fc2.weight"] == [128, 128]

    page.get_by_role("tab", name="Reproduce").click()
    link = page.get_by_text(re.compile(r"^http://127\.0\.0\.1:\d+/run\?id=[0-9a-f]{16}$")).inner_text()
    other = browser.new_context(viewport={"width": 390, "height": 844})
    queue = server.asked()
    phone = fused(other.new_page(), link)
    assert finding(phone).inner_text() == finding(page).inner_text()
    assert server.asked() == queue, "the link made the server compute"
    assert phone.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
    fused(phone, f"{link}&embed=true")
    expect(phone.get_by_test_id("stTab")).to_have_count(0)
    expect(phone.get_by_role("link", name="open the full analysis")).to_be_visible()
    other.close()

    page.get_by_role("button", name="Send to Library").click()
    expect(page.get_by_text("is in your library, private")).to_be_visible(timeout=COMPUTED)
    page.get_by_role("link", name="Explore it with A").click()
    page.wait_for_url(re.compile(r"[?&]b=[0-9a-f]{16}"))
    expect(page.get_by_role("button", name="Align and compare")).to_be_enabled()
