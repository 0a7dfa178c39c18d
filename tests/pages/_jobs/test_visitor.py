"""What a visitor uploads and starts stays theirs when the page is loaded again, and nobody else's."""

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import scripts
from asking import path_request
from streamlit.testing.v1 import AppTest

from lmc_core import runs
from lmc_core.runs import keep
from lmc_core.runs.share import cookie

ROOT = Path(__file__).parents[3]
ANN, BOB = "a" * 32, "b" * 32


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A machine without an engine."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LMC_STORE", "LMC_DATABASE_URL", "LMC_CHECKPOINTS", "LMC_DATA"):
            patch.delenv(name, raising=False)
        patch.setenv("LMC_HOME", str(tmp_path_factory.mktemp("home")))
        yield
        keep.opened().index.close()


def answer(kind: str, caching: str = "no-cache", scheme: str = "http", **sent: str) -> str | None:
    """The cookie that an answer of this kind sets, for a browser that sent these headers."""
    messages: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", kind.encode()), (b"cache-control", caching.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def keep(message: Any) -> None:
        messages.append(message)

    headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in sent.items()]
    scope = {"type": "http", "scheme": scheme, "headers": headers}
    with ThreadPoolExecutor(1) as aside:  # the browser tests keep a loop running in this thread
        aside.submit(asyncio.run, cookie.Naming(app)(scope, None, keep)).result()  # type: ignore[arg-type]
    return dict(messages[0]["headers"]).get(b"set-cookie", b"").decode() or None


def test_a_browser_is_named_once_and_no_script_or_other_site_can_use_the_name() -> None:
    first, second = answer("text/html; charset=utf-8"), answer("text/html")
    assert first is not None
    assert first != second
    assert re.fullmatch(r"lmc_visitor=[0-9a-f]{32}; Max-Age=\d+; Path=/; HttpOnly; SameSite=Lax", first)
    assert str(answer("text/html", x_forwarded_proto="https")).endswith("; Secure")
    assert answer("text/html", cookie=f"other=1; lmc_visitor={ANN}") is None
    assert answer("text/html", cookie="lmc_visitor=user:ann") is not None
    assert answer("application/json") is None
    assert answer("text/html", "public, max-age=300") is None, "a proxy would give the name to everybody"


@pytest.mark.parametrize("forged", ["user:" + ANN, "local", ANN.upper(), ANN[:31], "", None])
def test_a_cookie_cannot_name_an_account_or_the_host(forged: str | None) -> None:
    assert cookie.name(forged) is None


def test_a_run_can_be_stopped_by_its_visitor_after_the_page_was_loaded_again(
    home: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs.submit(path_request("digits-mlp-32/seed0", "digits-mlp-32/seed1", method="identity"), ANN)
    assert "Cancel" not in buttons(run, BOB, monkeypatch)
    assert "Cancel" in buttons(run, ANN, monkeypatch)
    assert runs.cancel(run, ANN)


def test_a_waiting_run_is_gone_from_the_page_with_the_click_that_stops_it(
    home: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs.submit(path_request("digits-mlp-32/seed0", "digits-mlp-32/seed1", method="identity", seed=1), ANN)
    at = opened(run, ANN, monkeypatch)
    at.get_by_key("cancel").click().run()
    assert "Stopped before it was done." in at.markdown[0].value + at.markdown[1].value
    assert runs.status(run).state == "cancelled"


def buttons(run: str, sent: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the page of a run offers a fresh session of a browser that sent this name."""
    return [button.label for button in opened(run, sent, monkeypatch).button]


def opened(run: str, sent: str, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr("streamlit.runtime.context.ContextProxy.cookies", {cookie.COOKIE: sent})
    return scripts.opened("run.py", id=run)
