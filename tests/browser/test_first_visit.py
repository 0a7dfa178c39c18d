"""The first visit of every page of a server that was just started, and one pair on all of them."""

import re
import time

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from serving import Server
from visiting import finding

pytestmark = pytest.mark.browser
PAGES = ("", "fuse", "compare", "landscape", "theory", "theory?part=width")
PATIENT = 3.0  # seconds from the address to the finding
TRIES = 3  # the machine may be busy


@pytest.mark.parametrize("name", PAGES)
def test_a_finding_is_there_within_three_seconds_and_nothing_is_computed(
    context: BrowserContext, server: Server, name: str
) -> None:
    before, waited = server.asked(), []
    for _ in range(TRIES):
        page = context.new_page()
        start = time.monotonic()
        page.goto(f"/{name}")
        expect(finding(page)).to_contain_text(re.compile(r"\d\.\d|valleys"))
        waited.append(time.monotonic() - start)
        page.close()
        if waited[-1] <= PATIENT:
            break
    assert min(waited) <= PATIENT, waited
    assert server.asked() == before


def test_the_pair_of_explore_is_the_pair_of_every_page(page: Page) -> None:
    page.goto("/?a=digits-vit/seed0&b=digits-vit/seed2")
    expect(page.get_by_role("button", name="Align and compare")).to_be_visible()
    for name in ("Fuse", "Landscape", "Compare", "Theory", "Explore"):
        page.get_by_role("link", name=name, exact=True).first.click()
        address = "/?" if name == "Explore" else f"/{name.lower()}?"
        page.wait_for_url(re.compile(f"{re.escape(address)}.*digits-vit%2Fseed0.*digits-vit%2Fseed2"))
        if name != "Explore":
            expect(page.get_by_text(re.compile("Below is a finished example: .*Digits MLP"))).to_be_visible()
