"""The pictures of the README, taken from a running server so that they stay true.

streamlit run app.py &                                  # and wait for the first results
python docs/screenshots.py http://127.0.0.1:8501        # writes docs/*.png
python docs/screenshots.py http://127.0.0.1:8501 LOOK   # every page at both widths and in both themes, into LOOK, to be
                                                        # looked at before a change of the pages goes out
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
COMPUTED = 600_000  # ms: what the page shows first may still be under way
EVERY = ("", "fuse", "compare", "landscape", "theory", "theory?part=width", "library", "gallery", "guide")
SCREENS = {1440: 1500, 390: 2400}
PAGES = {"fuse": 1000, "compare": 1000, "landscape": 1000, "theory": 1000}


@contextmanager
def visitor(browser: Browser, url: str, width: int, height: int, theme: str = "light") -> Iterator[Page]:
    """A page of its own, at a finer resolution than a common screen."""
    context = browser.new_context(
        base_url=url,
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        device_scale_factor=1.5 if width < 1000 else 1.25,
    )
    yield context.new_page()
    context.close()


def drawn(page: Page, address: str) -> None:
    """Open an address and wait until its result is there and its figure stands still."""
    page.goto(address)
    page.get_by_test_id("stMetric").first.wait_for(timeout=COMPUTED)  # a run under way draws its curve so far
    page.locator(".js-plotly-plot .main-svg").first.wait_for(timeout=COMPUTED)
    page.wait_for_timeout(2500)


def whole(page: Page) -> int:
    """Height of everything on the page, which scrolls inside its own frame."""
    return int(page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight"))


def every(url: str, folder: Path) -> None:
    """All pages, for whoever looks at them."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for theme in ("light", "dark"):
            for width, height in SCREENS.items():
                for name in EVERY:
                    with visitor(browser, url, width, height, theme) as page:
                        page.goto(f"/{name}")
                        page.get_by_role("heading", level=2).first.wait_for(timeout=COMPUTED)
                        page.wait_for_timeout(5000)
                        said = name.replace("?", "-").replace("=", "-") or "explore"
                        page.screenshot(path=folder / f"{said}-{width}-{theme}.png")
        browser.close()


def main(url: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for theme in ("light", "dark"):
            with visitor(browser, url, 1440, 900, theme) as page:
                drawn(page, "/")
                page.screenshot(path=HERE / f"explore-{theme}.png")
        with visitor(browser, url, 390, 844) as page:
            drawn(page, "/")
            page.set_viewport_size({"width": 390, "height": whole(page)})
            page.wait_for_timeout(1500)
            page.screenshot(path=HERE / "explore-phone.png")
        for tab in ("Matching", "Layers", "Symmetry"):
            with visitor(browser, url, 1440, 1800) as page:
                drawn(page, f"/?tab={tab}")
                page.get_by_test_id("stTabs").screenshot(path=HERE / f"{tab.lower()}.png")
        for name, height in PAGES.items():
            with visitor(browser, url, 1440, height) as page:
                drawn(page, f"/{name}")
                page.screenshot(path=HERE / f"{name}.png")
        browser.close()
    for picture in sorted(HERE.glob("*.png")):
        print(f"{picture.name}: {picture.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8501"
    if len(sys.argv) > 2:
        every(address, Path(sys.argv[2]))
    else:
        main(address)
