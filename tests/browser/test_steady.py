"""What is on the screen stays where it is while a page loads."""

import pytest
from playwright.sync_api import Browser, expect
from serving import Server
from visiting import COMPUTED

pytestmark = pytest.mark.browser
GOOD = 0.1  # cumulative layout shift that Web Vitals call good
WATCH = """
window.moved = [];
new PerformanceObserver((list) => window.moved.push(...list.getEntries().map((entry) => ({
    by: entry.value, what: entry.sources.map((source) => source.node && source.node.textContent.slice(0, 60)),
})))).observe({ type: "layout-shift", buffered: true });
"""


@pytest.mark.parametrize(("width", "agent"), [(1440, None), (390, "Mozilla/5.0 (iPhone) Mobi")])
def test_explore_does_not_move_while_it_loads(browser: Browser, server: Server, width: int, agent: str | None) -> None:
    visitor = browser.new_context(viewport={"width": width, "height": 900}, base_url=server.url, user_agent=agent)
    visitor.add_init_script(WATCH)
    page = visitor.new_page()
    for _ in range(2):  # the first visitor waits for the run, the second finds it stored
        page.goto("/")
        expect(page.locator(".js-plotly-plot .slider-group")).to_be_visible(timeout=COMPUTED)
    page.wait_for_timeout(1_000)
    moved = page.evaluate("window.moved")
    visitor.close()
    assert sum(one["by"] for one in moved) < GOOD, moved
