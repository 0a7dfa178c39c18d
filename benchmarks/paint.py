"""How soon a browser shows a stored run, beside the smallest Streamlit page with a figure: the difference is ours.

A third page holds the figure of that run and nothing else: what it takes longer than the smallest is plotly's own time.

`python -m benchmarks paint`, or with another number of visits `python -m benchmarks.paint --visits 9`
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from benchmarks.load import HOST, ROOT, Server
from benchmarks.timing import table

CHROMIUM = "/usr/bin/chromium"
QUIET = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
PATIENCE = 60_000  # ms
PAUSE = 1.0  # s in which the browser clears away the page before
BARE = """
import plotly.graph_objects as go
import streamlit as st

st.markdown("## Nothing but a figure.")
st.plotly_chart(go.Figure(go.Scatter(y=[1, 2])))
"""
ALONE = """
import streamlit as st

from lmc_core import runs
from lmc_core.figures.browser import Encoded, plotly_config
from lmc_core.figures.path.figure import path_figure


@st.cache_resource
def figure() -> Encoded:
    run = runs.result(runs.default_request().id)
    cloud = next(iter(run.clouds.values()))
    return Encoded(path_figure(run.naive, run.aligned, cloud, method_title=run.alignment.title))


st.markdown("## Nothing but the figure of a path.")
st.plotly_chart(figure(), config=plotly_config())
"""
Visit = tuple[float, float, float, float, float]


def visit(browser: Browser, address: str) -> Visit:
    """Seconds from the request until heading, lines and dots of the figure, and the figure that answers can be seen,
    with nothing in the cache; seconds of a processor that the main thread of the page took, and megabytes that were
    sent, until then."""
    visitor = browser.new_context(viewport={"width": 1440, "height": 900})
    visitor.set_default_timeout(PATIENCE)
    page = visitor.new_page()
    network, sent = visitor.new_cdp_session(page), [0.0]
    network.send("Network.enable")
    network.send("Performance.enable", {"timeDomain": "threadTicks"})
    network.on("Network.loadingFinished", lambda file: sent.append(file["encodedDataLength"]))
    network.on("Network.webSocketFrameReceived", lambda frame: sent.append(_size(frame["response"])))
    start = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_selector("h2", state="visible")
    heading = time.perf_counter() - start
    page.wait_for_selector(".at-once img:visible, .js-plotly-plot .main-svg:visible", state="visible")
    lines = time.perf_counter() - start
    page.wait_for_selector(".js-plotly-plot .main-svg", state="visible")
    figure = time.perf_counter() - start
    told = {one["name"]: one["value"] for one in network.send("Performance.getMetrics")["metrics"]}
    visitor.close()
    time.sleep(PAUSE)
    return heading, lines, figure, told["TaskDuration"], sum(sent) / 1e6


def _size(frame: dict[str, Any]) -> float:
    """Bytes of a frame; those that are no text come in base64."""
    return len(frame["payloadData"]) * (1 if frame["opcode"] == 1 else 0.75)


def measure(browser: Browser, pages: dict[str, str], visits: int) -> str:
    """Medians over visits that take turns; the first of each, which warms the server, is told apart."""
    seconds: dict[str, list[Visit]] = {name: [] for name in pages}
    for _ in range(visits + 1):
        for name, address in pages.items():
            seconds[name].append(visit(browser, address))
    said = ("heading", "lines", "figure", "CPU", "MB")
    rows: list[tuple[object, ...]] = [("page", *(f"first: {name}" for name in said), *said)]
    for name, found in seconds.items():
        later = [statistics.median(times) for times in zip(*found[1:], strict=True)]
        rows.append((name, *(f"{x:.2f}" for x in (*found[0], *later))))
    return table(rows)


def main(words: list[str] | None = None) -> None:
    from lmc_core import runs

    parser = argparse.ArgumentParser(prog="python -m benchmarks.paint")
    parser.add_argument("--visits", type=int, default=5, help="1…100 of each page")
    visits = parser.parse_args(words or []).visits
    if not 1 <= visits <= 100:
        parser.error("--visits is a number from 1 to 100")
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        bare, alone = Path(home) / "bare.py", Path(home) / "alone.py"
        bare.write_text(BARE)
        alone.write_text(ALONE)
        os.environ["LMC_HOME"] = home
        os.environ.pop("LMC_DATA", None)
        servers = [Server(Path(home), script) for script in (ROOT / "app.py", bare, alone)]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        try:
            default = runs.default_request()
            assert default is not None, "no network is shipped"
            ours = servers[0]
            ours.wait(lambda: bool(ours.json("/api/healthz")), 60, "the start of the server")
            ours.wait(lambda: ours.json(f"/api/runs/{default.id}")["state"] == "done", 180, "the default run")
            addresses = [f"http://{HOST}:{server.port}" for server in servers]
            pages = {
                "stored run": f"{addresses[0]}/run?id={default.id}",
                "first page": addresses[0],
                "bare": addresses[1],
                "figure alone": addresses[2],
            }
            print(measure(browser, pages, visits))
        finally:
            for server in servers:
                server.stop()
            browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
