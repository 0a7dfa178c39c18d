"""An audit of every page by axe-core: names, roles, contrast, the keyboard."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from serving import Server
from visiting import COMPUTED

from lmc_core import runs

PAGES = {
    "/": ".st-key-matching .main-svg",
    "/?tab=Layers": ".st-key-layers .main-svg",
    "/?tab=Symmetry": ".st-key-chain .main-svg",
    "/?tab=Reproduce&unit=5": ".st-key-unit-figure .main-svg",
    "/fuse": ".main-svg",
    "/compare": ".main-svg",
    "/landscape": ".main-svg",
    "/landscape?shape=relief": ".js-plotly-plot canvas",
    "/theory": ".main-svg",
    "/theory?part=width&tab=Reproduce": ".main-svg",
    "/library": "h2",
    "/library?tab=All+networks": "h2",
    "/gallery": "[data-testid=stImage]",
    "/guide": ".main-svg",
    "/guide?part=methods": "h3",
    "/guide?part=words": "h2",
    "/run?id={run}": ".main-svg",
    "/run?id={run}&embed=true": ".main-svg",
    "/run?id=0123456789abcdef": "h2",
}
"""Address → what is there once it can be judged."""
GRAVE = ("serious", "critical")


def faults(browser: Browser, server: Server, scheme: str, width: int) -> list[str]:
    """What is grave on any page, in a colour scheme, at a width in pixels."""
    visitor = browser.new_context(
        viewport={"width": width, "height": 900}, base_url=server.url, color_scheme=scheme, reduced_motion="reduce"
    )
    default = runs.default_request("path")
    assert default is not None
    found = []
    for address, ready in PAGES.items():
        page = visitor.new_page()
        page.goto(address.format(run=default.id))
        expect(page.locator(ready).first).to_be_visible(timeout=COMPUTED)
        page.wait_for_timeout(500)
        for fault in Axe().run(page).response["violations"]:
            if fault["impact"] in GRAVE:
                found += [f"{address}: {fault['id']}, {node['html'][:120]}" for node in fault["nodes"]]
        page.close()
    visitor.close()
    return found
