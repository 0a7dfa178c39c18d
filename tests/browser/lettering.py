"""Where the words of figures lie on a page: what lies on another, on a line, a dot or a bar, and what is cut off."""

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
    const inked = (path) => {
        const look = getComputedStyle(path);
        return look.visibility !== 'hidden' && look.display !== 'none' && Number(look.opacity) > 0
            && look.stroke !== 'none' && Number(look.strokeOpacity) > 0 && parseFloat(look.strokeWidth) > 0;
    };
    const words = [...plot.querySelectorAll('text')].filter(shown)
        .map((text) => ({says: text.textContent, box: box(text), room: room(text), lines: [], marks: []}));
    const within = (at, where, air) => at[0] > where[0] + air && at[0] < where[2] - air
        && at[1] > where[1] + air && at[1] < where[3] - air;
    for (const path of plot.querySelectorAll('.scatterlayer .js-line')) {
        if (!inked(path)) continue;
        const to = path.getScreenCTM(), length = path.getTotalLength(), seen = room(path);
        const [left, top, right, bottom] = box(path);
        const meets = (b) => b[0] < right + 1 && b[2] > left - 1 && b[1] < bottom + 1 && b[3] > top - 1;
        const near = words.filter((word) => meets(word.box));
        if (!near.length) continue;
        for (let way = 0; way <= length; way += STEP) {
            const {x, y} = path.getPointAtLength(way), at = [to.a * x + to.e, to.d * y + to.f];
            if (within(at, seen, 0)) for (const word of near) if (within(at, word.box, 0)) word.lines.push(at);
        }
    }
    for (const mark of plot.querySelectorAll('.scatterlayer .points path, .barlayer .point path')) {
        const look = getComputedStyle(mark);
        if (look.visibility === 'hidden' || look.display === 'none' || !(Number(look.opacity) > 0)) continue;
        const whole = box(mark), seen = room(mark), bar = mark.closest('.barlayer') !== null;
        const cut = whole.map((side, k) => k < 2 ? Math.max(side, seen[k]) : Math.min(side, seen[k]));
        for (const word of words) {
            const across = Math.min(cut[2], word.box[2]) - Math.max(cut[0], word.box[0]);
            const down = Math.min(cut[3], word.box[3]) - Math.max(cut[1], word.box[1]);
            if (across > 0 && down > 0) word.marks.push({bar, box: cut});
        }
    }
    plot.dispatchEvent(new Event('mouseenter'));
    const bar = plot.querySelector('.modebar-group');
    const key = plot.closest('[class*=st-key-]').className.match(/st-key-(\\S+)/)[1];
    return {toolbar: bar && bar.getBoundingClientRect().width > 0 ? box(bar) : null, name: key, words};
})""".replace("STEP", "2")
DRAWN = """(width) => {
    const drawn = [...document.querySelectorAll('.js-plotly-plot .main-svg:first-child')];
    return document.body.innerText.includes(`\\n${drawn.length} figures.`)
        && drawn.every((one) => Math.abs(one.getAttribute('width') - width) < 1);
}"""
POINTED = (0.1, 0.5, 0.9)
"""Shares of the marks of a figure before the one to point at."""
MARK = """([number, share]) => {
    const plot = document.querySelectorAll('.js-plotly-plot')[number];
    const marks = plot.querySelectorAll('.scatterlayer .points path, .barlayer .point path');
    if (!marks.length) return null;
    const mark = marks[Math.floor(share * marks.length)];
    mark.scrollIntoView({block: 'center'});
    const at = mark.getBoundingClientRect();
    return [at.x + at.width / 2, at.y + at.height / 2];
}"""
COVERED = """(number) => {
    const plot = document.querySelectorAll('.js-plotly-plot')[number];
    const boxes = [...plot.querySelectorAll('.hoverlayer .hovertext')].map((box) => box.getBoundingClientRect());
    const words = [...plot.querySelectorAll('text')].filter((text) => {
        const look = getComputedStyle(text);
        return text.textContent.trim() && !text.closest('.hoverlayer') && look.visibility !== 'hidden'
            && look.fill !== 'rgba(0, 0, 0, 0)' && Number(look.opacity) > 0 && parseFloat(look.fontSize) > 2;
    });
    const covered = words.filter((text) => boxes.some((box) => {
        const at = text.getBoundingClientRect();
        return at.left < box.right - 1 && at.right > box.left + 1 && at.top < box.bottom - 1 && at.bottom > box.top + 1;
    }));
    return {name: plot.closest('[class*=st-key-]').className.match(/st-key-(\\S+)/)[1], boxes: boxes.length,
        covered: covered.map((text) => text.textContent)};
}"""
AIR = (1.0, 3.0)
"""Pixels left and right, above and below the letters that belong to the box of a text: no ink is there."""
TOUCH = 1.0
"""Pixels by which a line, a dot or a bar may reach into the letters: the edge of a stroke is blurred."""
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
        if bar := figure["toolbar"]:
            hidden = (word["says"] for word in figure["words"] if meet(letters(word["box"]), bar))
            yield from (f"{figure['name']}: the toolbar covers {says!r}" for says in hidden)
        words = [(word["says"], letters(word["box"]), word["room"]) for word in figure["words"]]
        for k, (says, box, room) in enumerate(words):
            if over := [side for side, beyond in outside(box, room).items() if beyond > 0]:
                yield f"{figure['name']}: {says!r} is cut off {' and '.join(over)}"
            yield from (f"{figure['name']}: {says!r} lies on {what}" for what in under(box, figure["words"][k]))
            for other, lies, _ in words[k + 1 :]:
                across = min(box[2], lies[2]) - max(box[0], lies[0]), min(box[3], lies[3]) - max(box[1], lies[1])
                if min(across) > 0:
                    yield f"{figure['name']}: {says!r} lies on {other!r} by {across[0]:.0f} × {across[1]:.0f} pixels"


def meet(one: Box, other: Box) -> bool:
    """Whether two boxes have a part in common."""
    return min(one[2], other[2]) > max(one[0], other[0]) and min(one[3], other[3]) > max(one[1], other[1])


def covered(browser: Browser, board: Server, family: str) -> list[str]:
    """The words that hover boxes lie on, with the pointer on some marks of every figure."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=board.url)
    page = context.new_page()
    page.goto(f"/?pair={family}&layout=wide")
    expect(page.get_by_text(re.compile(r"^\d+ figures\.$"))).to_be_visible(timeout=PATIENCE)
    drawn(page, COLUMNS["wide"][1440])
    page.wait_for_timeout(500)
    found, seen = [], 0
    for number in range(page.locator(".js-plotly-plot").count()):
        for share in POINTED:
            at = page.evaluate(MARK, [number, share])
            if at is None:
                continue
            page.mouse.move(*at)
            page.wait_for_timeout(120)
            lies = page.evaluate(COVERED, number)
            seen += lies["boxes"]
            found += [f"{lies['name']}: a hover box covers {says!r}" for says in lies["covered"]]
    context.close()
    assert seen > 10, "the pointer met nothing"
    return found


def under(box: Box, word: dict) -> Iterator[str]:
    """What is drawn under the letters of a word; not the bar that they stand in."""
    left, top, right, bottom = box[0] + TOUCH, box[1] + TOUCH, box[2] - TOUCH, box[3] - TOUCH
    if crossed := sum(left < x < right and top < y < bottom for x, y in word["lines"]):
        yield f"a line, {2 * crossed} pixels of it"
    for mark in word["marks"]:
        x0, y0, x1, y1 = mark["box"]
        own = mark["bar"] and x0 <= left and right <= x1 and y0 <= top and bottom <= y1
        if x0 < right and x1 > left and y0 < bottom and y1 > top and not own:
            yield "a bar" if mark["bar"] else "a dot"


def outside(box: Box, room: Box) -> dict[str, float]:
    """Side → how many pixels a box sticks out there."""
    beyond = (room[0] - box[0], room[1] - box[1], box[2] - room[2], box[3] - room[3])
    return dict(zip(("left", "above", "right", "below"), beyond, strict=True))


def letters(box: Box) -> Box:
    """The part of the box of a text that has ink."""
    return box[0] + AIR[0], box[1] + AIR[1], box[2] - AIR[0], box[3] - AIR[1]
