"""The real server on the loopback interface, freshly started: its routes, its sessions, and what it must not load."""

import json
import re
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from asking import path_request
from results import a_result
from server import Server

from lmc_core import runs
from lmc_core.runs import keep
from lmc_core.runs.share.headers import HEADERS, POLICY

A, B = "digits-mlp-128/seed0", "digits-mlp-128/seed1"
FINDING = 'It falls from 1 to 0 <script>alert("x")</script>.'


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def stored(home: Path) -> Iterator[str]:
    """The id of a run that lies in the store before the server starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LMC_HOME", str(home))
        request = path_request(A, B, method="weight-matching")
        keep.opened().store.save(request.id, replace(a_result(), finding=FINDING))
        runs.submit(request)
        yield request.id
        keep.opened().index.close()


@pytest.fixture(scope="module")
def server(home: Path, stored: str) -> Iterator[Server]:
    server = Server(home)
    yield server
    server.stop()


def test_the_health_check_answers_with_the_state_of_the_engine(server: Server) -> None:
    code, text, headers = server.get("/api/healthz")
    assert code == 200
    assert json.loads(text)["workers"][0]["device"] == "auto"
    assert headers["content-type"] == "application/json"


@pytest.mark.parametrize("address", ["/", "/api/healthz", "/fuse", "/static/none.js"])
def test_every_answer_tells_a_browser_to_trust_nothing_else(server: Server, address: str) -> None:
    _, _, headers = server.get(address)
    sent = {name.lower(): value for name, value in headers.items()}
    assert HEADERS.items() <= sent.items()
    assert "'unsafe-inline'" not in POLICY["default-src"]
    assert "object-src 'none'" in sent["content-security-policy"]


def test_the_counts_of_streamlit_are_closed(server: Server) -> None:
    code, text, headers = server.get("/_stcore/metrics")
    assert (code, text, headers["x-content-type-options"]) == (404, "Not Found", "nosniff")


def test_a_stored_run_is_served_as_json(server: Server, stored: str) -> None:
    content = server.json(f"/api/runs/{stored}")
    assert content["state"] == "done"
    assert content["request"]["a"] == A
    assert content["result"]["barrier"]["test"]["loss"] == a_result().aligned.barrier()


@pytest.mark.parametrize("name", ["0" * 16, "x", "%2e%2e", "0123456789ABCDEF", "' OR 1=1 --"])
def test_a_run_that_does_not_exist_is_not_found(server: Server, name: str) -> None:
    for prefix in ("/api/runs/", "/r/"):
        code, text, _ = server.get(prefix + urllib.request.quote(name))
        assert code == 404
        assert "there is no run" in text


def test_a_shared_link_shows_a_card_and_leads_to_the_run(server: Server, stored: str) -> None:
    code, page, headers = server.get(f"/r/{stored}")
    assert code == 200
    assert headers["content-type"].startswith("text/html")
    tags = dict(re.findall(r'<meta property="og:(\w+)" content="([^"]*)">', page))
    assert "seeds 0 and 1" in tags["title"]
    assert tags["description"].startswith("It falls from 1 to 0")
    assert tags["url"].endswith(f"/r/{stored}")
    assert f'content="0; url=../run?id={stored}"' in page
    assert "<script" not in page


def test_a_page_of_a_stored_run_is_drawn_by_a_process_without_torch(server: Server, stored: str) -> None:
    sent = server.visit("run", f"id={stored}")
    assert "plotly_chart {" in sent
    assert "exception {" not in sent
    assert not server.loaded("libtorch")


def test_the_first_page_opens_in_a_fresh_session(server: Server) -> None:
    sent = server.visit("", "")
    assert "button {" in sent
    assert "exception {" not in sent
    assert not server.loaded("libtorch")


def test_the_default_run_is_there_at_first_start(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LMC_DATA", raising=False)  # as for the server
    default = runs.default_request()
    assert default is not None
    content = server.json(f"/api/runs/{default.id}")
    assert content["state"] == "done", content["reason"]
    assert content["result"]["verification_error"] <= 1e-5
    assert content["result"]["function_error"] <= 1e-5
    aligned, naive = (part["barrier"]["test"]["loss"] for part in (content["result"], content["result"]["naive"]))
    assert aligned < 0.3 * naive
    assert content["finding"]
    assert not server.loaded("libtorch")
