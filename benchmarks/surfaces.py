"""What others rely on beside the answers: options of commands, requests and their ids, routes, keys of addresses."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

ROOT = Path(__file__).parents[1]
STORED = ROOT / "tests" / "golden" / "store_v2.tar.gz"
COMMANDS = ("compare", "fuse", "inspect", "path", "reproduce", "sweep", "train", "export")
PAGES = ("explore", "fuse", "compare", "landscape", "theory", "library", "gallery")
KINDS = ("plane", "theory", "width", "compare", "fuse", "projection")
NOBODY = "0" * 16
A, B, THIRD = (f"digits-mlp-128/seed{seed}" for seed in (0, 1, 2))
PAIR = {"a": A, "b": B}
UPLOAD = "0123456789abcdef" * 4
Made = tuple[str, Mapping[str, Any]]
REQUESTS: Mapping[str, Made] = {
    "path": ("path", PAIR),
    "path, every option": (
        "path",
        {
            **PAIR,
            "data": "mnist",
            "method": "weight-matching",
            "settings": {"restarts": 2},
            "points": 5,
            "recalibrate": "repair",
            "seed": 3,
            "train_examples": 50,
            "device": "cpu",
        },
    ),
    "path with a curve": ("path", {**PAIR, "curve": {"kind": "bezier", "bends": 2}}),
    "path through a model": ("path", {**PAIR, "curve": {"kind": "through", "model": THIRD}}),
    "inspect": ("inspect", {"upload": UPLOAD, "filename": "a/b net.pt"}),
    "inspect, every option": (
        "inspect",
        {
            "upload": UPLOAD,
            "filename": "net.pt",
            "data": "digits",
            "arch": {"activation": "tanh"},
            "normalize": (0.5, 0.25),
            "device": "cpu",
        },
    ),
    "data": ("data", {"upload": UPLOAD, "filename": "mine.npz"}),
    "bundle": ("bundle", {"upload": UPLOAD, "filename": "afar.zip"}),
    "plane": ("plane", {**PAIR, "grid": 7}),
    "plane of three models": ("plane", {**PAIR, "third": THIRD}),
    "theory": ("theory", PAIR),
    "width": ("width", {}),
    "compare": ("compare", {"models": [A, B, THIRD], "methods": ["weight-matching", "identity"]}),
    "compare, every method": ("compare", {"models": [A, B]}),
    "fuse": ("fuse", {"models": [A, B]}),
    "fuse, every option": (
        "fuse",
        {
            "models": [A, B, THIRD],
            "method": "ot-fusion",
            "settings": {"base": 1},
            "weights": [2, 1, 1],
            "widths": {"fc1": 96},
            "recalibrate": None,
            "temperature": True,
            "finetune": 2,
            "rate": 0.1,
            "points": 3,
            "seed": 4,
            "train_examples": 60,
        },
    ),
    "no such model": ("path", {"a": "no-such/model", "b": B}),
    "no such method": ("path", {**PAIR, "method": "magic"}),
    "too many points": ("path", {**PAIR, "points": 999}),
    "no such kind": ("magic", {}),
    "models that do not fit": ("fuse", {"models": [A, "digits-cnn/seed0"]}),
    "one model": ("fuse", {"models": [A]}),
    "no upload": ("inspect", {"upload": "x", "filename": "net.pt"}),
}
"""Name → kind and options of a request that is made."""


def surfaces() -> dict[str, Callable[[], Any]]:
    """Name → what answers."""
    asked: dict[str, Callable[[], Any]] = {"command line": lambda: options([])}
    asked |= {f"options of {name}": lambda name=name: options([name]) for name in COMMANDS}  # type: ignore[misc]
    asked |= {f"request: {name}": lambda made=made: made_request(*made) for name, made in REQUESTS.items()}  # type: ignore[misc]
    asked |= {f"default request: {kind}": lambda kind=kind: default(kind) for kind in ("path", *KINDS)}  # type: ignore[misc]
    asked |= {"methods": lambda: declared("METHODS"), "fusions": lambda: declared("FUSIONS")}
    asked |= {"routes": routes, "answers of routes": answers, "addresses of pages": addresses}
    return asked


def options(words: list[str]) -> dict[str, Any]:
    """Every argument of a command, of the parser that its main function asks to parse."""
    from lmc_core.cli import main

    seen: list[argparse.ArgumentParser] = []

    def stop(parser: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        seen.append(parser)
        raise SystemExit(0)

    with patch.object(argparse.ArgumentParser, "parse_args", stop):
        main(words)
    parser = seen[0]
    nested = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    if not words:
        return {"commands": {name: command.description for name, command in nested.choices.items()}}
    command = nested.choices[words[0]]
    return {" ".join(action.option_strings) or action.dest: _argument(action) for action in command._actions}


def _argument(action: argparse.Action) -> dict[str, Any]:
    about = {name: getattr(action, name) for name in ("default", "nargs", "choices", "required", "metavar", "help")}
    about["type"] = getattr(action.type, "__name__", None)
    about["choices"] = None if action.choices is None else list(action.choices)
    return {name: value for name, value in about.items() if value is not None}


def declared(table: str) -> dict[str, Any]:
    """Name → what a form shows of every method of alignment or of fusion."""
    import lmc_core

    def of(thing: Any, *names: str) -> dict[str, Any]:
        return {name: getattr(thing, name) for name in names if hasattr(thing, name)}

    found = {}
    for name, method in getattr(lmc_core, table).items():
        found[name] = of(method, "title", "summary", "needs_data", "equal_widths", "notes")
        found[name]["paper"] = of(method.paper, "key", "title", "url")
        found[name]["settings"] = {
            p.name: {**of(p, "default", "help", "low", "high", "choices"), "kind": p.kind.__name__}
            for p in method.parameters
        }
    return json.loads(json.dumps(found))


def made_request(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Canonical JSON and id of a request, made by its own function or read from text; or why it is refused."""
    from lmc_core import runs
    from lmc_core.errors import InputError
    from lmc_core.runs import Request

    try:
        made = runs.bind(Request.of(kind, **given))
    except InputError as error:
        return {"refused": type(error).__name__, "said": str(error)}
    read = runs.bind(Request.parse(json.dumps({"kind": kind, **given})))
    return {"json": made.json, "id": made.id, "id when read": read.id}


def default(kind: str) -> dict[str, Any] | None:
    """What a page shows before anybody asks."""
    from lmc_core import runs

    request = runs.default_request(kind)
    return None if request is None else {"json": request.json, "id": request.id}


def _server() -> Mapping[str, Any]:
    """What the server's script gives to Streamlit: routes, middleware."""
    import runpy

    import streamlit as st

    given: dict[str, Any] = {}

    def app(*_: Any, **how: Any) -> object:
        given.update(how)
        return object()

    with patch.object(st, "App", app):
        runpy.run_path(str(ROOT / "app.py"))
    return given


def routes() -> dict[str, Any]:
    """Path → methods, of every route beside Streamlit's own."""
    return {route.path: sorted(route.methods or ()) for route in _server()["routes"]}


@contextmanager
def _stored() -> Iterator[dict[str, Any]]:
    """A home with a run of every kind; run → what was said of it when the home was made."""
    before = os.environ.get("LMC_HOME", "")
    home = Path(tempfile.mkdtemp(prefix="lmc-home-"))
    try:
        with tarfile.open(STORED) as archive:
            archive.extractall(home, filter="data")
        os.environ["LMC_HOME"] = str(home)
        yield json.loads((home / "expected.json").read_text())
    finally:
        os.environ["LMC_HOME"] = before
        shutil.rmtree(home, ignore_errors=True)


def answers() -> dict[str, Any]:
    """Address → what the server answers, for every stored run and for one that is not there."""
    from starlette.applications import Starlette

    server = Starlette(routes=list(_server()["routes"]))
    with _stored() as stored:
        asked = ["/api/healthz", "/api/none"]
        for run in (*stored, NOBODY):
            asked += [f"/api/runs/{run}", f"/r/{run}", f"/r/{run}/card.png"]
        return {address: asyncio.run(_get(server, address)) for address in asked}


async def _get(server: Any, address: str) -> dict[str, Any]:
    """Status, headers and content of one answer, without times and without results, which are recorded elsewhere."""
    sent: list[Mapping[str, Any]] = []

    async def receive() -> Mapping[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": address, "raw_path": address.encode(), "query_string": b""}
    scope |= {"headers": [(b"host", b"here")], "scheme": "http", "server": ("here", 80), "http_version": "1.1"}
    await server({**scope, "root_path": "", "client": ("there", 1), "asgi": {"version": "3.0"}}, receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"] if name != b"content-length"}
    body = b"".join(part.get("body", b"") for part in sent[1:])
    found: dict[str, Any] = {"status": sent[0]["status"], "headers": headers}
    if headers.get("content-type") == "application/json":
        content = json.loads(body)
        content["result"] = sorted(content["result"]) if "result" in content else None
        return {**found, "json": {k: v for k, v in content.items() if k not in ("elapsed", "created", "expected")}}
    return {**found, "text" if headers.get("content-type", "").startswith("text") else "magic": _text(body)}


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body[:4].decode("latin-1")


def addresses() -> dict[str, Any]:
    """Page → names in its address that it asks for, sets, or binds a control to; of the first drawing."""
    with _stored() as stored:
        done = {run: told for run, told in stored.items() if told["state"] == "done"}
        found = {page: keys(f"{page}.py") for page in PAGES}
        found["theory of widths"] = keys("theory.py", part="width")
        for run, told in done.items():
            found[f"run, {told['kind']}, {told['title']}"] = keys("run.py", id=run)
        return found


def keys(page: str, **query: str) -> list[str]:
    """The names one page has to do with when it is opened."""
    from streamlit.runtime.state.query_params import QueryParams
    from streamlit.runtime.state.query_params_proxy import QueryParamsProxy
    from streamlit.testing.v1 import AppTest

    seen: set[str] = set()

    def noting(inner: Callable[..., Any]) -> Callable[..., Any]:
        def outer(self: Any, *words: Any, **named: Any) -> Any:
            seen.add(words[0] if words else named["param_key"])
            return inner(self, *words, **named)

        return outer

    with (
        patch.object(QueryParams, "bind_widget", noting(QueryParams.bind_widget)),
        patch.object(QueryParamsProxy, "__getitem__", noting(QueryParamsProxy.__getitem__)),
        patch.object(QueryParamsProxy, "__setitem__", noting(QueryParamsProxy.__setitem__)),
        patch.object(QueryParamsProxy, "__delitem__", noting(QueryParamsProxy.__delitem__)),
    ):
        at = AppTest.from_file(str(ROOT / "pages" / "_shell.py"), default_timeout=120)
        at.session_state["visitor"] = "ann"
        at.switch_page(page)
        for name, value in query.items():
            at.query_params[name] = value
        at.run()
    return sorted([*seen, *(f"failed: {fault.message}" for fault in at.exception)])
