"""Where the words of figures lie on a page: what lies on another, and what is cut off."""

import re
from collections.abc import Iterator, Mapping

from playwright.sync_api import Browser, Page, expect
from serving import PATIENCE, Server

from lmc_core.figures.sheet import LayoutName

COLUMNS: Mapping[LayoutName, Mapping[int, int]] = {"wide": {1440: 1009, 768: 738}, "narrow": {1024: 593, 390: 360}}
"""Layout → width of a window → that of its figures, beside the sidebar where there is room for one."""
SEEN = """() => [...document.querySelectorAll('.js-plotly-plot')].map((plot) => {
    const box = (element) => { const at = element.getBoundingClientRect(); return [at.x, at.y, at.right, at.bottom]; };
    const shown = (text) => {
        const look = getComputedStyle(text), at = text.getBoundingClientRect();
        return text.textContent.trim() && look.fill !== 'rgba(0, 0, 0, 0)' && look.visibility !== 'hidden'
            && Number(look.opacity) > 0 && at.width > 0 && parseFloat(look.fontSize) > 2;
    };
    const room = (text) => {
        const cut = text.closest('[clip-path]');
        if (!cut) return box(plot);
        const area = document.getElementById(cut.getAttribute('clip-path').match(/#([^'")]+)/)[1]).firstElementChild;
        const value = (side) => area[side].baseVal.value, to = cut.getScreenCTM();
        const [x, y] = [to.e + value('x'), to.f + value('y')];
        return [x, y, x + value('width'), y + value('height')];
    };
    const words = [...plot.querySelectorAll('text')].filter(shown);
    return {
        name: plot.closest('[class*=st-key-]').className.match(/st-key-(\\S+)/)[1],
        words: words.map((text) => ({says: text.textContent, box: box(text), room: room(text)})),
    };
})"""
DRAWN = """(width) => {
    const drawn = [...document.querySelectorAll('.js-plotly-plot .main-svg:first-child')];
    return document.body.innerText.includes(`\\n${drawn.length} figures.`)
        && drawn.every((one) => Math.abs(one.getAttribute('width') - width) < 1);
}"""
AIR = (1.0, 3.0)
"""Pixels left and right, above and below the letters that belong to the box of a text: no ink is there."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def wrong(browser: Browser, board: Server, family: str, layout: LayoutName) -> list[str]:
    """What is wrong with the words of all figures of a network, at every width of a layout."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=board.url)
    page = context.new_page()
    page.goto(f"/?pair={family}&layout={layout}")
    expect(page.get_by_text(re.compile(r"^\d+ figures\.$"))).to_be_visible(timeout=PATIENCE)
    found = [f"{window}: {line}" for window, width in COLUMNS[layout].items() for line in faults(drawn(page, width))]
    context.close()
    return found


def drawn(page: Page, width: int) -> list[dict]:
    """The words of all figures, once they are drawn in this width."""
    page.evaluate(f"document.querySelector('.st-key-board').style.width = '{width}px'")
    page.wait_for_function(DRAWN, arg=width, timeout=PATIENCE)
    return page.evaluate(SEEN)


def faults(figures: list[dict]) -> Iterator[str]:
    """What is wrong with the places of the words of some figures."""
    for figure in figures:
        words = [(word["says"], letters(word["box"]), word["room"]) for word in figure["words"]]
        for k, (says, box, room) in enumerate(words):
            if over := [side for side, beyond in outside(box, room).items() if beyond > 0]:
                yield f"{figure['name']}: {says!r} is cut off {' and '.join(over)}"
            for other, lies, _ in words[k + 1 :]:
                across = min(box[2], lies[2]) - max(box[0], lies[0]), min(box[3], lies[3]) - max(box[1], lies[1])
                if min(across) > 0:
                    yield f"{figure['name']}: {says!r} lies on {other!r} by {across[0]:.0f} × {across[1]:.0f} pixels"


def outside(box: Box, room: Box) -> dict[str, float]:
    """Side → how many pixels a box sticks out there."""
    beyond = (room[0] - box[0], room[1] - box[1], box[2] - room[2], box[3] - room[3])
    return dict(zip(("left", "above", "right", "below"), beyond, strict=True))


def letters(box: Box) -> Box:
    """The part of the box of a text that has ink."""
    return box[0] + AIR[0], box[1] + AIR[1], box[2] - AIR[0], box[3] - AIR[1]
