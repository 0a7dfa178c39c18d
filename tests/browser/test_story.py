"""What a visitor does, in a real browser against a real server, from the first look to a link for a colleague."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import attacks
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, WebSocket, expect
from serving import ROOT, Server
from visiting import COMPUTED, choose, finding, opened

pytestmark = pytest.mark.browser
PANELS = """() => [...document.querySelectorAll('.js-plotly-plot .cartesianlayer > .subplot')].reduce((all, panel) => {
    const name = panel.classList[1];
    return {...all, [name]: (all[name] || '') + panel.innerHTML};
}, {})"""

GRIP = """() => {
    const grips = [...document.querySelectorAll('.js-plotly-plot .slider-grip-rect')], one = grips[0];
    return grips.length === 1 && one.getBoundingClientRect().width ? one.getBoundingClientRect().toJSON() : null;
}"""
EARLY = """() => {
    const {x, y, width, height} = document.querySelector('.at-once img').getBoundingClientRect();
    return {x, y, width, height};
}"""
AREA = """() => {
    const figure = document.querySelector('.st-key-figure .js-plotly-plot'), at = figure.getBoundingClientRect();
    const size = figure._fullLayout._size;
    return {x: at.x + size.l, y: at.y + size.t, width: size.w, height: size.h};
}"""
THREE_LINES = """() => {
    const heading = document.querySelector("h2"), line = parseFloat(getComputedStyle(heading).lineHeight);
    while (heading.getBoundingClientRect().height < 2.9 * line) heading.append(" and so on");
}"""
TABLES = """() => [...document.querySelectorAll(".dvn-scroller")].map((table) => {
    const arrow = getComputedStyle(table.querySelector(".dvn-scroll-inner"), "::after");
    return {wider: table.scrollWidth > table.clientWidth + 1,
        told: arrow.content.includes("›") && arrow.visibility === "visible"};
})"""
WITH_TABLES = ("/?tab=Matching", "/fuse", "/compare", "/theory?part=width&tab=Data", "/library?part=All+networks")


def at_rest(page: Page, script: str) -> Any:
    """What a script finds in the page, once it finds the same twice; null is nothing found."""
    last = None
    for _ in range(100):
        found = page.evaluate(script)
        if found is not None and found == last:
            return found
        last = found
        page.wait_for_timeout(100)
    raise AssertionError(f"it does not come to rest: {last}")


def grip_of(page: Page) -> dict[str, float]:
    """Where the slider's grip lies, once one figure stands alone: a new width makes a new figure."""
    return dict(at_rest(page, GRIP))


def test_a_first_visitor_sees_the_finding_and_both_panels_without_a_click(page: Page) -> None:
    outside: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith(("http://127.0.0.1", "data:", "blob:")):
            outside.append(request.url)

    page.on("request", note)
    opened(page)
    expect(finding(page)).to_contain_text(re.compile(r"activation matching.*\d\.\d\d.*accuracy", re.DOTALL))
    figure = page.locator(".js-plotly-plot")
    for title in ("Loss", "Accuracy", "Before alignment", "After"):
        expect(figure.locator(".annotation-text").filter(has_text=title).first).to_be_visible()
    expect(page.get_by_test_id("stMetric")).to_have_count(5)
    grip = grip_of(page)
    assert grip["y"] + grip["height"] <= 900, "the slider is below the fold"
    said = finding(page).inner_text()
    assert page.title().rstrip("…") == said[: len(page.title().rstrip("…"))]
    assert len(page.title()) > 40
    assert not outside, f"the page asked other servers: {outside}"
    for width in (1440, 768):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(500)
        page.evaluate(THREE_LINES)
        grip = grip_of(page)
        assert grip["y"] + grip["height"] <= 900, f"a third line pushes the slider below the fold of {width} pixels"


def test_the_slider_moves_both_panels_without_the_server(page: Page) -> None:
    sent: list[object] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: sent.append(frame))

    page.on("websocket", listen)
    opened(page)
    page.wait_for_timeout(1000)
    readout = page.locator(".js-plotly-plot .slider-label").first
    before, drawn, quiet = str(readout.text_content()), page.evaluate(PANELS), len(sent)
    assert before.startswith("t = 0.50")
    grip = grip_of(page)
    x, y = grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 160, y, steps=12)
    page.mouse.up()
    expect(readout).not_to_have_text(before)
    assert float(re.findall(r"t = (\d\.\d+)", str(readout.text_content()))[0]) < 0.3
    moved = {name for name, content in page.evaluate(PANELS).items() if content != drawn[name]}
    assert len(moved) == 8, f"of the curves, clouds and densities only {moved} moved"
    assert len(sent) == quiet, "the slider talked to the server"


def test_a_first_visit_takes_less_than_five_megabytes(page: Page, context: BrowserContext) -> None:
    network, sent = context.new_cdp_session(page), []
    network.send("Network.enable")
    network.on("Network.loadingFinished", lambda file: sent.append(file["encodedDataLength"]))
    network.on("Network.webSocketFrameReceived", lambda frame: sent.append(len(frame["response"]["payloadData"])))
    opened(page)
    expect(page.locator(".st-key-matching .main-svg").first).to_be_visible()
    assert 1e6 < sum(sent) < 5e6


def test_the_lines_and_dots_are_seen_before_the_library_for_figures_and_lie_where_it_draws_them(page: Page) -> None:
    held: list[Route] = []
    page.route(re.compile("/PlotlyChart[.]"), lambda route: held.append(route))
    page.goto("/")
    early = page.locator(".at-once img")
    expect(early).to_be_visible(timeout=COMPUTED)
    box = at_rest(page, EARLY)
    assert early.evaluate("image => image.naturalWidth") > 0
    expect(page.locator(".main-svg")).to_have_count(0)
    for request in held:
        request.continue_()
    expect(page.locator(".st-key-figure .slider-group")).to_be_visible()
    expect(early).to_be_hidden()
    area = at_rest(page, AREA)
    assert {side: abs(box[side] - area[side]) < 1 for side in box} == dict.fromkeys(box, True), (box, area)


def test_the_figure_comes_before_what_lies_under_it(page: Page) -> None:
    order: list[str] = []

    def note(request: Request) -> None:
        if re.search("/(DataFrame|PlotlyChart)[.][^/]*js$", request.url):
            order.append(request.url.rpartition("/")[2].partition(".")[0])

    page.on("request", note)
    page.add_init_script("""new MutationObserver(() => {
        if (document.querySelector('.st-key-figure .main-svg')) window.figureSeen ??= performance.now();
        if (document.querySelector('.st-key-matching')) window.tabSeen ??= performance.now();
    }).observe(document, {childList: true, subtree: true})""")
    opened(page)
    expect(page.locator(".st-key-matching .main-svg").first).to_be_visible()
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    assert order == ["PlotlyChart", "DataFrame"]
    assert page.evaluate("window.figureSeen < window.tabSeen")


def test_another_method_is_run_and_its_link_opens_for_a_colleague(page: Page, browser: Browser, server: Server) -> None:
    opened(page)
    choose(page, "Method", "Weight matching")
    expect(page.get_by_text("The controls have changed")).to_be_visible()
    page.wait_for_url(re.compile("method=weight-matching"))
    page.get_by_role("button", name="Align and compare").click()
    expect(finding(page)).to_contain_text(re.compile("[Ww]eight matching (?!…)"), timeout=COMPUTED)
    expect(page.get_by_text("The controls have changed")).to_have_count(0)
    opened_link = page.get_by_role("tab", name="Reproduce")
    opened_link.click()
    link = page.get_by_text(re.compile(r"^http://127\.0\.0\.1:\d+/run\?id=[0-9a-f]{16}$")).inner_text()
    runs_before = server.asked()

    other = browser.new_context(viewport={"width": 1440, "height": 900})
    colleague = other.new_page()
    opened(colleague, link)
    assert finding(colleague).inner_text() == finding(page).inner_text()
    assert server.asked() == runs_before, "the link made the server compute"
    other.close()


def test_every_control_comes_back_from_its_link(page: Page, context: BrowserContext) -> None:
    opened(page)
    page.get_by_role("radio", name="Layer 2").click()
    page.get_by_role("combobox", name="Projection").click()
    page.get_by_role("option", name="PCA, raw weights").click()
    page.wait_for_url(re.compile("projection=pca-weights"))  # what is clicked while a page is drawn can be lost to it
    page.get_by_role("tab", name="Data").click()
    page.get_by_text("Evaluation", exact=True).click()
    expect(page.get_by_text("Curves, CSV")).to_be_visible()
    page.wait_for_url(re.compile("projection=pca-weights.*tab=Data|tab=Data.*projection=pca-weights"))
    assert set(re.findall(r"[?&](\w+)=", page.url)) == {"layer", "projection", "tab", "v"}
    again = opened(context.new_page(), page.url)
    expect(again.get_by_role("radio", name="Layer 2")).to_be_checked()
    expect(again.get_by_role("combobox", name="Projection")).to_have_value("PCA, raw weights")
    expect(again.get_by_role("tab", name="Data")).to_have_attribute("aria-selected", "true")
    expect(again.locator(".js-plotly-plot .annotation-text").filter(has_text="layer 2, PC 1")).to_be_visible()


def test_a_running_job_is_cancelled_within_seconds_and_can_be_run_again(page: Page) -> None:
    page.goto("/?method=straight-through&straight-through.steps=100000")  # minutes of work, whatever the machine
    expect(finding(page)).to_have_text("This pair has not been compared yet.")
    page.get_by_role("button", name="Align and compare").click()
    expect(finding(page)).to_contain_text("Aligning B to A")
    expect(page.get_by_text(re.compile(r"Step \d of \d"))).to_be_visible()
    expect(page.get_by_role("button", name="Align and compare")).to_be_disabled()
    page.get_by_role("button", name="Cancel").click()
    expect(finding(page)).to_have_text("Stopped before it was done.", timeout=15_000)
    expect(page.get_by_role("button", name="Run again")).to_be_visible()
    expect(page.get_by_role("button", name="Align and compare")).to_be_enabled()


def test_a_hostile_upload_is_refused_with_the_sentence_of_the_command_line(page: Page, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    path = attacks.ATTACKS["code-legacy.pth"](tmp_path, canary)
    command = [sys.executable, "-m", "lmc_core", "inspect", str(path)]
    shell = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert shell.returncode == 2
    sentence = shell.stderr.strip().splitlines()[-1].removeprefix("python -m lmc_core: ")

    opened(page)
    page.get_by_role("button", name="Add a checkpoint").click()
    page.locator("input[type=file]").set_input_files(path)
    alert = page.get_by_test_id("stPopoverBody").get_by_role("alert")
    expect(alert).to_be_visible(timeout=COMPUTED)
    assert sentence in alert.inner_text().split("\n")
    assert "Traceback" not in page.content()
    assert not canary.exists()


def test_a_shipped_file_is_uploaded_recognised_and_used(page: Page) -> None:
    opened(page)
    page.get_by_role("button", name="Add a checkpoint").click()
    page.locator("input[type=file]").set_input_files(ROOT / "checkpoints" / "digits-mlp-128" / "seed2.safetensors")
    page.get_by_role("button", name="Use as B").click(timeout=COMPUTED)
    page.wait_for_url(re.compile(r"[?&]b=[0-9a-f]{16}"))
    expect(page.get_by_text("The controls have changed")).to_be_visible()


def test_two_files_dropped_together_become_a_pair(page: Page) -> None:
    opened(page)
    page.get_by_role("button", name="Add a checkpoint").click()
    files = [ROOT / "checkpoints" / "digits-mlp-32" / f"seed{seed}.safetensors" for seed in (0, 1)]
    page.locator("input[type=file]").set_input_files(files)
    page.get_by_role("button", name="Use seed0 as A, seed1 as B").click(timeout=COMPUTED)
    page.wait_for_url(re.compile(r"[?&]a=[0-9a-f]{16}.*[?&]b=[0-9a-f]{16}"))
    assert len({page.get_by_role("combobox", name=f"Model {letter}").input_value() for letter in "AB"}) == 2


def test_two_networks_that_do_not_fit_are_explained_and_replaced(page: Page) -> None:
    page.goto("/?b=digits-cnn/seed0")
    page.get_by_role("button", name="Align and compare").click()
    expect(finding(page)).to_have_text("These two networks could not be compared.", timeout=COMPUTED)
    expect(page.get_by_text(re.compile(r"tensor .* has shape .* in A and .* in B")).first).to_be_visible()
    page.get_by_role("button", name="instead").click()
    expect(page.locator(".js-plotly-plot .slider-group")).to_be_visible(timeout=COMPUTED)


def test_a_phone_shows_the_whole_page_in_one_column(browser: Browser, server: Server) -> None:
    phone = browser.new_context(viewport={"width": 390, "height": 844}, base_url=server.url)
    page = opened(phone.new_page())
    expect(page.get_by_role("button", name="View: layer, projection, axis")).to_be_visible()
    expect(page.get_by_test_id("stMetric")).to_have_count(4)
    expect(page.locator(".js-plotly-plot .main-svg").first).to_have_attribute("height", "960")
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
    left = [page.get_by_test_id("stMetric").nth(k).bounding_box() for k in range(4)]
    assert len({round(box["x"]) for box in left if box}) == 2, "the cards are not two by two"
    phone.close()


def test_no_table_is_cut_and_one_that_is_wider_than_a_phone_says_so(page: Page) -> None:
    for address in WITH_TABLES:
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(address)
        expect(page.locator(".dvn-scroller").first).to_be_attached(timeout=COMPUTED)
        for width in (1440, 1024, 768, 390):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(300)
            if width in (1440, 768):
                page.wait_for_function(f"() => ({TABLES})().every((table) => !table.wider)")
            tables = at_rest(page, TABLES)
            assert tables, f"{address} at {width}"
            assert all(table["wider"] == table["told"] for table in tables), f"{address} at {width}: {tables}"
            if width in (1440, 768):
                assert not any(table["wider"] for table in tables), f"{address} at {width}"


def test_an_embedded_run_leaves_out_what_surrounds_the_figure(page: Page) -> None:
    opened(page)
    page.get_by_role("tab", name="Reproduce").click()
    link = page.get_by_text(re.compile(r"/run\?id=[0-9a-f]{16}$")).inner_text()
    opened(page, f"{link}&embed=true")
    expect(page.get_by_test_id("stMetric")).to_have_count(4)
    expect(page.get_by_test_id("stTab")).to_have_count(0)
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    expect(page.get_by_role("radio", name="Layer 1")).to_be_hidden()
    expect(page.get_by_role("link", name="open the full analysis")).to_be_visible()


def test_a_dark_page_draws_the_figure_in_dark_colours(browser: Browser, server: Server) -> None:
    night = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=server.url, color_scheme="dark")
    page = opened(night.new_page())
    expect(page.locator(".js-plotly-plot path[style*='rgb(240, 128, 74)']").first).to_be_attached()
    night.close()


def test_the_web_process_never_loads_torch(page: Page, server: Server) -> None:
    opened(page)
    maps = Path(f"/proc/{server.process.pid}/maps").read_text()
    assert "streamlit" in Path(f"/proc/{server.process.pid}/cmdline").read_text()
    assert "numpy" in maps
    assert "libtorch" not in maps
