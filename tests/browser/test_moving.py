"""Moving about: Back is one step, addresses that lead nowhere say so, windows are named, and one pair goes along."""

import re

import pytest
from playwright.sync_api import Page, expect
from visiting import choose, finding, opened

pytestmark = pytest.mark.browser
NAME = "Mode Connectivity Explorer"


def test_back_is_one_step_from_page_to_page_and_from_layer_to_layer(page: Page) -> None:
    opened(page)
    expect(page).to_have_url(re.compile(r"/$"))
    page.get_by_role("link", name="Fuse").click()
    expect(finding(page)).to_contain_text("Fused by")
    page.go_back()
    expect(finding(page)).to_contain_text("After activation matching")
    expect(page.locator(".js-plotly-plot .slider-group")).to_be_visible()
    page.get_by_role("radio", name="Layer 2").click()
    page.wait_for_url(re.compile("layer=fc2"))
    page.get_by_role("radio", name="Layer 3").click()
    page.wait_for_url(re.compile("layer=fc3"))
    page.go_back()
    expect(page.get_by_role("radio", name="Layer 2")).to_be_checked()
    page.go_back()
    expect(page.get_by_role("radio", name="Layer 1")).to_be_checked()
    expect(page).to_have_url(re.compile(r"/$"))


def test_an_address_that_leads_nowhere_says_so(page: Page) -> None:
    page.goto("/?a=nonsense")
    expect(page.get_by_test_id("stToast")).to_contain_text("Model A: the link asks for something that cannot be had")
    page.goto("/nosuchpage")
    expect(page.get_by_role("dialog")).to_contain_text("Page not found")


@pytest.mark.parametrize("name", ["Gallery", "Library", "Guide"])
def test_a_window_is_named_after_its_page(page: Page, name: str) -> None:
    page.goto(f"/{name.lower()}")
    expect(page).to_have_title(f"{name} · {NAME}")


def test_pages_that_nobody_changed_say_nothing_of_changed_controls(page: Page) -> None:
    opened(page)
    for name in ("Landscape", "Theory", "Explore"):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
        expect(page.get_by_text("The controls have changed")).to_have_count(0)


def test_a_chosen_pair_goes_along_to_the_other_pages(page: Page) -> None:
    opened(page)
    choose(page, "Model B", "Digits MLP, 3 × 128 · seed 2")
    page.wait_for_url(re.compile("b=digits-mlp-128%2Fseed2"))
    for name in ("Landscape", "Theory"):
        page.get_by_role("link", name=name, exact=True).click()
        box = page.get_by_test_id("stSidebar").get_by_role("combobox", name=re.compile("Model B"))
        expect(box).to_have_value("Digits MLP, 3 × 128 · seed 2")
