"""Pages run as scripts, without a browser, and runs that were really carried out for them."""

import json
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from lmc_core import runs
from lmc_core.report import silent
from lmc_core.runs import keep
from lmc_core.runs.kinds.request import Request

ROOT = Path(__file__).parents[1]
PAIR = {"a": "digits-mlp-32/seed0", "b": "digits-mlp-32/seed1", "data": "digits", "train_examples": 200}
ANALYSES: dict[str, dict[str, Any]] = {
    "plane": {**PAIR, "method": "weight-matching", "grid": 5},
    "theory": {**PAIR, "method": "weight-matching"},
    "compare": {
        "models": ["digits-mlp-128/seed0", "digits-mlp-32/seed0", "digits-mlp-32/seed1", "digits-mlp-128/seed2"],
        "methods": ["identity", "weight-matching", "activation-matching"],
        "points": 5,
        "train_examples": 200,
    },
    "width": {"method": "weight-matching", "settings": {"restarts": 1}, "train_examples": 100},
}
"""Kind of analysis → a small request of it."""


def opened(page: str = "", visitor: str = "", user: dict[str, object] | None = None, **query: str) -> AppTest:
    """A page after its first run, which must not have failed.

    visitor   who looks, where it is not a new one; `user` is the account of who has logged in
    """
    at = AppTest.from_file(str(ROOT / "pages" / "_shell.py"), default_timeout=60)
    if user is not None:
        at.user = user
    if visitor:
        at.session_state["visitor"] = visitor
    if page:
        at.switch_page(script(page))
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception, at.exception
    return at


def script(page: str) -> str:
    """The file of a page, as `AppTest.switch_page` wants it."""
    return str(ROOT / "pages" / page)


def heading(at: AppTest) -> str:
    return next(str(text.value) for text in at.markdown if text.value.startswith("## "))


def texts(at: AppTest) -> str:
    return "\n".join(str(element.value) for kind in (at.markdown, at.caption, at.info, at.error) for element in kind)


def figure(at: AppTest, number: int = 0) -> dict[str, Any]:
    """A figure as plotly reads it."""
    return dict(json.loads(at.get("plotly_chart")[number].proto.spec))


def computed(request: Request, folder: Path) -> Request:
    """A request that was really carried out in a new folder, and stored."""
    from lmc_core.runs.work.run import run

    folder.mkdir(parents=True)
    found = run(request, silent, folder, "cpu")
    keep.opened().store.save(request.id, found, {path.name: path for path in folder.iterdir()})
    runs.submit(request)
    return request
