"""Light and dark: whoever switches sees every figure and thumbnail in the palette of the page, at once."""

import pytest
from playwright.sync_api import Browser, Page, expect
from serving import PATIENCE, Server
from visiting import COMPUTED, opened

from lmc_core.figures.palette import THEMES

pytestmark = pytest.mark.browser
USED = """() => [...document.querySelectorAll('.js-plotly-plot')].map((figure) => {
    const styles = [...figure.querySelectorAll('[style]')].map((part) => part.getAttribute('style')).join(' ');
    return (styles.match(/rgb\\(\\d+, \\d+, \\d+\\)/g) || []).filter((colour, k, all) => all.indexOf(colour) === k);
})"""


def rgb(colour: str) -> str:
    return "rgb({}, {}, {})".format(*(int(colour[k : k + 2], 16) for k in (1, 3, 5)))


ONLY = {
    name: {
        rgb(ink) for part in ("a", "b", "naive", "aligned") for ink in vars(getattr(theme, part)).values()
    }
    for name, theme in THEMES.items()
}  # fmt: skip
"""Theme → the colours that only it has."""


def shown_in(page: Page, theme: str) -> None:
    """Every figure has colours of that theme, and none of the other."""
    (other,) = ONLY.keys() - {theme}
    test = f"""() => {{
        const used = ({USED})(), mine = {sorted(ONLY[theme])}, foreign = {sorted(ONLY[other])};
        return used.length > 1 && used.every((colours) => mine.some((one) => colours.includes(one)))
            && !used.some((colours) => foreign.some((one) => colours.includes(one)));
    }}"""
    page.wait_for_function(test, timeout=PATIENCE)


def test_the_system_switches_all_figures_and_back(browser: Browser, server: Server) -> None:
    visitor = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=server.url, color_scheme="light")
    page = opened(visitor.new_page())
    expect(page.locator(".st-key-matching .main-svg").first).to_be_visible()
    shown_in(page, "light")
    page.emulate_media(color_scheme="dark")
    shown_in(page, "dark")
    page.emulate_media(color_scheme="light")
    shown_in(page, "light")
    visitor.close()


def test_the_menu_switches_all_figures_and_thumbnails(page: Page) -> None:
    opened(page)
    expect(page.locator(".st-key-matching .main-svg").first).to_be_visible()
    page.get_by_test_id("stMainMenu").get_by_role("button").click()
    page.get_by_text("Dark").last.click()
    page.keyboard.press("Escape")
    shown_in(page, "dark")
    page.get_by_role("link", name="Gallery").click()
    picture = page.get_by_test_id("stImage").locator("img").first
    expect(picture).to_be_visible(timeout=COMPUTED)
    drawn = picture.evaluate("image => fetch(image.src).then((answer) => answer.text())")
    assert THEMES["dark"].naive.mark in drawn
    assert THEMES["light"].naive.mark not in drawn
