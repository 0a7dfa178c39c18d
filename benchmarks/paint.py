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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from benchmarks.load import HOST, ROOT, Server
from benchmarks.row import Goal, Key, Row, Value
from benchmarks.timing import table

CHROMIUM = "/usr/bin/chromium"
QUIET = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
PATIENCE = 60_000  # ms
PAUSE = 1.0  # s in which the browser clears away the page before
ROWS: dict[Key, Row] = {
    "figure": Row(
        "A stored run in the browser until its figure answers", "CPU s of the main thread", "2.08", Goal("≤", 1.4)
    )
}
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


def visit(browser: Browser, address: str) -> tuple[float, float, float, float, float]:
    """Seconds from the request until heading, lines and dots of the figure, and the figure that answers can be seen,
    with nothing in the cache; the megabytes that were sent until then, and the processor seconds of the main thread."""
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
    return heading, lines, figure, sum(sent) / 1e6, told["TaskDuration"]


def _size(frame: dict[str, Any]) -> float:
    """Bytes of a frame; those that are no text come in base64."""
    return len(frame["payloadData"]) * (1 if frame["opcode"] == 1 else 0.75)


SAID = ("heading", "lines", "figure", "MB", "CPU of the main thread")


def measure(browser: Browser, pages: dict[str, str], visits: int) -> dict[str, tuple[list[float], list[float]]]:
    """Page → the first visit, which warms the server, and the medians over later ones, as SAID; visits take turns."""
    seen: dict[str, list[tuple[float, ...]]] = {name: [] for name in pages}
    for _ in range(visits + 1):
        for name, address in pages.items():
            seen[name].append(visit(browser, address))
    return {
        name: (list(found[0]), [statistics.median(values) for values in zip(*found[1:], strict=True)])
        for name, found in seen.items()
    }


def measured(keys: Sequence[Key]) -> dict[Key, Value]:
    with opened() as (browser, pages):
        found = measure(browser, {name: pages[name] for name in ("stored run", "bare")}, 3)
    ours, bare = (found[name][1][-1] for name in ("stored run", "bare"))
    return dict.fromkeys(keys, Value(ours, f"{bare:.2f} for a bare page with a figure"))


@contextmanager
def opened() -> Iterator[tuple[Browser, dict[str, str]]]:
    """A browser, and the addresses of the stored run, the first page, a bare one and one with the figure of the
    run alone, on servers that are ready."""
    from lmc_core import runs

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
            yield (
                browser,
                {
                    "stored run": f"{addresses[0]}/run?id={default.id}",
                    "first page": addresses[0],
                    "bare": addresses[1],
                    "figure alone": addresses[2],
                },
            )
        finally:
            for server in servers:
                server.stop()
            browser.close()


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.paint")
    parser.add_argument("--visits", type=int, default=5, help="1…100 of each page")
    visits = parser.parse_args(words or []).visits
    if not 1 <= visits <= 100:
        parser.error("--visits is a number from 1 to 100")
    rows: list[tuple[object, ...]] = [("page", *(f"first: {name}" for name in SAID), *SAID)]
    with opened() as (browser, pages):
        for name, (first, later) in measure(browser, pages, visits).items():
            rows.append((name, *(f"{x:.2f}" for x in (*first, *later))))
    print(table(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
