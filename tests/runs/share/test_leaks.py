"""While private work goes on, no public route or page holds a byte of it, and its address cannot be worked out."""

import hashlib
import io
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from asking import path_request, request_of
from safetensors.torch import load_file, save
from server import Server
from starlette.routing import Route
from streamlit.web.server.starlette import starlette_routes

from lmc_core import runs
from lmc_core.errors import InputError
from lmc_core.runs import keep
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library import data as datasets
from lmc_core.runs.library import hub, uploads
from lmc_core.runs.library import models as library
from lmc_core.runs.share.routes import ROUTES
from pages._frame import document
from pages._frame.navigation import TITLES
from pages._frame.static import FOLDER

PAGES = ("", *list(TITLES)[1:])

A, B = "digits-mlp-128/seed0", "digits-mlp-128/seed1"
ANN = "a11" * 10 + "ce"
NAMES = ("heron", "bittern", "egret")  # of her files
STREAMLITS = [path for name, path in vars(starlette_routes).items() if name.startswith(("ROUTE_", "BASE_ROUTE_"))]
STATIC = [f"/static/{path.relative_to(FOLDER)}" for path in sorted(FOLDER.rglob("*")) if path.is_file()]


def weights(factor: float) -> bytes:
    """A network nobody else has."""
    return save({name: factor * tensor for name, tensor in load_file(library.card(A).path).items()})


def examples() -> bytes:
    """The file of data nobody else has."""
    rng, file = np.random.default_rng(5), io.BytesIO()
    parts = {f"x_{part}": rng.random((40, 8, 8)).astype(np.float32) for part in ("train", "test")}
    np.savez(file, **parts, y_train=np.arange(40) % 10, y_test=np.arange(40) % 10)  # type: ignore[arg-type]
    return file.getvalue()


class Work:
    """What Ann brings and asks for, on a real server with a real worker."""

    def __init__(self, server: Server):
        self.server = server
        self.quiet = self.health()
        self.first = runs.submit(library.add(f"{NAMES[0]}.safetensors", weights(1.25), data="digits", owner=ANN), ANN)
        self.data = runs.submit(datasets.add(f"{NAMES[1]}.npz", examples(), owner=ANN), ANN)
        self.until(lambda: self.states(self.first, self.data) == ["done", "done"])
        model = runs.status(self.first).model
        assert model is not None
        self.long, self.next = (path_request(model, B, points=201, seed=seed) for seed in (0, 1))
        runs.submit(self.long, ANN)
        self.until(lambda: self.states(self.long.id) == ["running"])
        os.kill(self.worker, signal.SIGSTOP)  # in the middle of its work, for as long as we look
        self.second = runs.submit(library.add(f"{NAMES[2]}.safetensors", weights(1.5), owner=ANN), ANN)
        runs.submit(self.next, ANN)

    @property
    def ids(self) -> tuple[str, ...]:
        return self.first, self.data, self.long.id, self.second, self.next.id

    @property
    def worker(self) -> int:
        """The process that computes."""
        for process in Path("/proc").glob("[0-9]*"):
            if f"PPid:\t{self.server.process.pid}\n" in (process / "status").read_text():
                return int(process.name)
        raise AssertionError("the server has no worker")

    def health(self) -> bytes:
        self.until(lambda: b'"worker":null' not in answer(self.server, "/api/healthz"))
        return answer(self.server, "/api/healthz")

    def states(self, *ids: str) -> list[str]:
        found = [runs.status(run) for run in ids]
        assert all(now.reason == "" for now in found), found
        return [now.state for now in found]

    def until(self, true: Callable[[], bool], seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, self.server.log.read_text()
            time.sleep(0.01)

    def secrets(self) -> dict[str, str]:
        """Whatever names Ann, her files, her models, her data or her runs, by what it is."""
        found = {"Ann": ANN} | {f"the file {name}": name for name in NAMES}
        for run in self.ids:
            now, asked = runs.status(run), runs.request(run).options
            found[f"the {now.kind} run {run}"] = run
            if "upload" in asked:
                found[f"the upload of {run}"] = asked["upload"]
            if now.model is not None:
                known = library.card(now.model) if now.kind == "inspect" else datasets.card(now.model)
                assert known is not None
                found[f"what {run} made"] = now.model
                mark = known.fingerprint if now.kind == "inspect" else known.digest  # type: ignore[union-attr]
                found[f"the digest of what {run} made"] = mark
        return found


def answer(server: Server, path: str) -> bytes:
    """Every byte that a stranger is sent for an address, headers included."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=60) as given:
            return bytes(given.headers) + given.read()
    except urllib.error.HTTPError as error:
        return bytes(error.headers) + error.read()


def public(server: Server, known: str) -> Iterator[tuple[str, bytes]]:
    """Every address of the server that needs no secret, and all that it sends.

    known   the id of a run that everybody may see
    """
    ours = [route.path.replace("{id}", known) for route in (*ROUTES, *document.ROUTES) if isinstance(route, Route)]
    for path in (*ours, *(f"/{path}" for path in STREAMLITS), *STATIC):
        yield path, answer(server, path)
    for page in PAGES:
        for query in ("", f"id={known}", "whose=mine", "part=everything"):
            yield f"/{page}?{query}", b"".join(server.frames(page, query))


def leaks(work: Work, known: str) -> list[str]:
    """Each place where a stranger finds something of Ann's."""
    secrets = {what: text.encode() for what, text in work.secrets().items()}
    sent = dict(public(work.server, known))
    assert len(sent) > len(STATIC) + 4 * len(PAGES)
    return [f"{path}: {what}" for path, found in sent.items() for what, text in secrets.items() if text in found]


@contextmanager
def serving(home: Path) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LMC_HOME", str(home))
        server = Server(home)
        try:
            yield server
        finally:
            server.stop()
            keep.opened().index.close()


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Work]:
    with serving(tmp_path_factory.mktemp("home")) as server:
        yield Work(server)


@pytest.fixture(scope="module")
def known(work: Work) -> str:
    """A run that everybody may see."""
    return runs.submit(path_request(A, B, method="identity", points=2))


def test_a_stranger_finds_nothing_of_private_work_that_waits_and_runs(work: Work, known: str) -> None:
    states = ["done", "done", "running", "queued", "queued"]
    assert work.states(*work.ids) == states
    assert leaks(work, known) == []
    assert answer(work.server, "/api/healthz").partition(b"{")[2] == work.quiet.partition(b"{")[2]
    assert work.states(*work.ids) == states


def test_a_stranger_finds_nothing_of_private_work_that_is_done(work: Work, known: str) -> None:
    os.kill(work.worker, signal.SIGCONT)
    work.until(lambda: {*work.states(*work.ids, known)} == {"done"})
    assert leaks(work, known) == []
    assert answer(work.server, "/api/healthz").partition(b"{")[2] == work.quiet.partition(b"{")[2]


def test_who_has_been_told_the_id_of_a_run_sees_it(work: Work) -> None:
    for run in work.ids:
        told = answer(work.server, f"/api/runs/{run}") + b"".join(work.server.frames("run", f"id={run}"))
        assert sum(text.encode() in told for text in work.secrets().values()) >= 2, "the search finds nothing at all"


def test_the_log_of_a_server_that_does_well_names_no_run(work: Work) -> None:
    assert [what for what, text in work.secrets().items() if text in work.server.log.read_text()] == []


def test_no_answer_lets_a_browser_tell_others_the_address(work: Work, known: str) -> None:
    answers = f"/ /run /r/{known} /r/{known}/card.png /api/runs/{known} {STATIC[0]} /_stcore/health /not/there".split()
    for path in answers:
        assert b"referrer-policy: no-referrer" in answer(work.server, path).lower(), path


def test_who_holds_the_same_files_cannot_work_out_what_was_made_of_them(work: Work) -> None:
    known = library.card(work.long.options["a"])
    model, data = known.fingerprint[:16], datasets.card(str(runs.status(work.data).model))
    assert data is not None
    assert model != known.id
    with pytest.raises(InputError, match="no model"):
        library.card(model)
    assert datasets.card(f"npz-{data.digest[:16]}") is None
    guess = Request("path", MappingProxyType({**work.long.options, "a": model}), 2, True)
    assert_unknown(guess)


def bring(kind: str, content: bytes, owner: str) -> str:
    def kept() -> Request:
        match kind:
            case "inspect":
                return library.add("net.pt", content, owner=owner)
            case "data":
                return datasets.add("net.npz", content, owner=owner)
            case "bundle":
                return uploads.accept(
                    "net.zip", content, lambda named: request_of("bundle", upload=named, filename="net.zip"), owner
                )
        return hub.add(content.decode(), owner=owner)

    return runs.submit(kept(), owner)


HUBBED = "owner/repo@main:net.safetensors"
GUESSES: dict[str, Callable[[str], Request]] = {
    "inspect": lambda digest: request_of("inspect", upload=digest, filename="net.pt"),
    "data": lambda digest: request_of("data", upload=digest, filename="net.npz"),
    "bundle": lambda digest: request_of("bundle", upload=digest, filename="net.zip"),
    "hub": lambda digest: request_of("inspect", upload=digest, filename="net.safetensors", hub=HUBBED),
}


@pytest.mark.parametrize("kind", GUESSES)
def test_who_holds_the_same_file_cannot_work_out_its_run(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"owner/repo@main:net.safetensors"  # a file of any other kind, and the address of one on the Hub
    found = []
    for home in "ab":
        monkeypatch.setenv("LMC_HOME", str(tmp_path / home))
        found.append(bring(kind, content, ANN))
        assert bring(kind, content, ANN) == found[-1], "the same file of one visitor is read twice"
        assert bring(kind, content, "bob") != found[-1], "a visitor is told that somebody else has the same file"
        assert_unknown(GUESSES[kind](hashlib.sha256(content).hexdigest()))
        keep.opened().index.close()
    assert found[0] != found[1], "what one server calls it, another does not"


def assert_unknown(guess: Request) -> None:
    with pytest.raises(InputError, match="no run"):
        runs.status(guess.id)
