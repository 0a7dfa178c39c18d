"""The pages beside Explore in a real browser: a finished figure at the first visit, one change, and its link."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from serving import PATIENCE, Server
from visiting import COMPUTED, choose, finding

pytestmark = pytest.mark.browser
PLOT = ".js-plotly-plot"
DIGITS = "Digits MLP, 3 × 128 · seed 2"


def titles(page: Page) -> Locator:
    return page.locator(f"{PLOT} .annotation-text")


def first_look(page: Page, address: str, said: str, title: str) -> None:
    """A page that nobody has used: its default analysis, at once or after its progress."""
    page.goto(address)
    expect(finding(page)).to_contain_text(re.compile(said), timeout=COMPUTED)
    expect(titles(page).filter(has_text=title).first).to_be_visible(timeout=COMPUTED)
    expect(page.get_by_role("alert")).to_have_count(0)


def run_changed(page: Page, change: Callable[[Page], None], button: str, said: str) -> str:
    """Change a control, see that the old result is kept but marked, run, see the new one; returns its link."""
    change(page)
    expect(page.get_by_text("The controls have changed")).to_be_visible()
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_text("The controls have changed")).to_have_count(0)
    expect(finding(page)).to_contain_text(re.compile(said), timeout=COMPUTED)
    expect(page.locator(PLOT).first).to_be_visible()
    page.get_by_role("tab", name="Reproduce").click()
    return page.get_by_text(re.compile(r"/run\?id=[0-9a-f]{16}$")).inner_text()


def opens_for_a_colleague(page: Page, browser: Browser, server: Server, link: str) -> None:
    """The link in another browser, and embedded in this one: the same finding, and the engine has done nothing."""
    said, before = finding(page).inner_text(), server.asked()
    other = browser.new_context(viewport={"width": 1440, "height": 900})
    other.set_default_timeout(PATIENCE)
    colleague = other.new_page()
    colleague.goto(link)
    expect(finding(colleague)).to_have_text(said)
    expect(colleague.locator(PLOT).first).to_be_visible()
    expect(colleague.get_by_role("link", name=re.compile("Change something in"))).to_be_visible()
    other.close()
    page.goto(f"{link}&embed=true")
    expect(finding(page)).to_have_text(said)
    expect(page.locator(PLOT).first).to_be_visible()
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    expect(page.get_by_role("link", name="open the full analysis")).to_be_visible()
    assert server.asked() == before, "the link made the server compute"


def test_a_landscape_with_a_third_model(page: Page, browser: Browser, server: Server) -> None:
    first_look(page, "/landscape", r"two valleys with a ridge of \d", "Loss")
    assert page.locator(f"{PLOT} .contour").count() >= 2
    link = run_changed(page, lambda p: choose(p, "Third network", DIGITS), "Measure the plane", "on the way to C")
    assert "third=digits-mlp-128%2Fseed2" in page.url
    expect(titles(page).filter(has_text=re.compile("^C$")).first).to_be_visible()
    opens_for_a_colleague(page, browser, server, link)


def test_a_training_run_is_drawn_on_the_landscape_and_stays_in_its_link(page: Page) -> None:
    walked = [f"digits-mlp-128/seed{seed}" for seed in (1, 2, 0)]
    page.goto(f"/landscape?training={','.join(walked)}&grid=9")
    chips = page.get_by_test_id("stSidebar").get_by_test_id("stMultiSelect").filter(has_text="Training run")
    expect(chips.get_by_text(re.compile("^Seed"))).to_have_count(3)
    page.get_by_role("button", name="Measure the plane", exact=True).click()
    expect(page.get_by_text(re.compile("training run of 3 checkpoints"))).to_be_visible(timeout=COMPUTED)
    assert [name.replace("/", "%2F") in page.url or name in page.url for name in walked] == [True] * 3
    page.get_by_role("tab", name="Reproduce").click()
    expect(page.get_by_text(re.compile("--training")).first).to_be_visible()


def test_the_theory_of_one_pair_and_of_three_widths(page: Page, browser: Browser, server: Server) -> None:
    first_look(page, "/theory", r"the function gap falls from \d", "Distance of partners")
    expect(page.get_by_text("What cannot be computed.")).to_be_visible()
    method = "Layer-wise weight matching"
    link = run_changed(page, lambda p: choose(p, "Method", method), "Measure", "[Ll]ayer-wise weight matching")
    opens_for_a_colleague(page, browser, server, link)
    first_look(page, "/theory?part=width", r"From 32 to 512 units", "Barrier")
    expect(titles(page).filter(has_text="relative to the size")).to_be_visible()


def test_a_comparison_of_fewer_pairs(page: Page, browser: Browser, server: Server) -> None:
    first_look(page, "/compare", r"Over 3 pairs, .* smallest mean barrier", "seeds 1 and 2")
    expect(page.locator(f"{PLOT} .cartesianlayer > .subplot")).to_have_count(4)  # three pairs, and a chart of barriers
    for chips in page.get_by_test_id("stMultiSelectTagsContainer").all():
        assert chips.evaluate("box => box.scrollHeight <= box.clientHeight + 1"), "a chosen method is cut off"

    def leave_one_out(page: Page) -> None:
        chips = page.get_by_test_id("stSidebar").get_by_test_id("stMultiSelect").first
        chips.get_by_role("combobox").press("Backspace")
        page.keyboard.press("Escape")
        page.wait_for_url(re.compile("networks=digits-mlp-128%2Fseed0%2Cdigits-mlp-128%2Fseed1"))

    link = run_changed(page, leave_one_out, "Compare the methods", "leaves the smallest barrier")
    expect(titles(page).filter(has_text="Accuracy")).to_be_visible()
    opens_for_a_colleague(page, browser, server, link)


def test_the_gallery_leads_to_a_stored_run_and_back_to_its_controls(page: Page, server: Server) -> None:
    page.goto("/landscape")  # its default, computed by the first story, or now
    expect(finding(page)).to_contain_text("two valleys", timeout=COMPUTED)
    before = server.asked()
    page.goto("/gallery?kind=plane")
    expect(page.get_by_text("Landscape", exact=True).last).to_be_visible()
    pictures = page.get_by_test_id("stImage")
    expect(pictures.first).to_be_visible()
    page.get_by_placeholder("digits, barrier").fill("two valleys")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("q=two"))
    page.get_by_role("link", name=re.compile("Open$")).first.click()
    expect(finding(page)).to_contain_text("two valleys")
    expect(page.locator(PLOT).first).to_be_visible()
    page.get_by_role("link", name=re.compile("Change something in Landscape")).click()
    page.wait_for_url(re.compile("/landscape"))
    expect(finding(page)).to_contain_text("two valleys")
    expect(page.get_by_role("button", name="Measure the plane")).to_be_enabled()
    assert server.asked() == before, "looking made the server compute"


def test_what_is_set_after_other_controls_have_gone_is_in_the_address(page: Page) -> None:
    page.goto("/landscape")
    choose(page, "Third network", DIGITS)
    page.wait_for_url(re.compile("third=digits-mlp-128%2Fseed2"))
    page.get_by_text("Grid", exact=True).click()
    page.get_by_role("button", name="Increment").first.click()
    page.wait_for_url(re.compile("grid=27"))
