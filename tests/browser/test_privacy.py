"""Two visitors and a stranger, each with a browser of their own: what is private stays so, and stays whose it was."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, BrowserContext, Page, Response, WebSocket, expect
from safetensors.torch import load_file
from serving import PATIENCE, ROOT, Server
from visiting import COMPUTED

pytestmark = pytest.mark.browser
PUBLIC = ("/", "/fuse", "/compare", "/landscape", "/theory", "/library", "/gallery", "/guide", "/api/healthz")
ENDLESS = "method=straight-through&straight-through.steps=100000"
FILE = "heron"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    running = Server(home, LMC_QUOTA_PER_OWNER_MB="1")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def people(browser: Browser, server: Server) -> Iterator[dict[str, BrowserContext]]:
    """Ann and Bob, who come back, and a stranger, who has no cookie of theirs."""
    found = {name: browser.new_context(base_url=server.url) for name in ("ann", "bob", "stranger")}
    for one in found.values():
        one.set_default_timeout(PATIENCE)
    yield found
    for one in found.values():
        one.close()


@pytest.fixture(scope="module")
def model(people: dict[str, BrowserContext], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A network that Ann brought, and does not publish."""
    page = people["ann"].new_page()
    brought(page, checkpoint(tmp_path_factory.mktemp("files") / f"{FILE}.pth", "digits-mlp-32"))
    expect(page.get_by_text(re.compile(r"verified to \d\.\d × 10"))).to_be_visible(timeout=COMPUTED)
    expect(page.get_by_text("private", exact=True)).to_be_visible()
    page.get_by_role("link", name="Explore with it").click()
    page.wait_for_url(re.compile(r"[?&]a=[0-9a-f]{16}"))
    found = re.search(r"[?&]a=([0-9a-f]{16})", page.url)
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def run(people: dict[str, BrowserContext], server: Server, model: str) -> Iterator[str]:
    """What Ann has computed with it, which goes on until somebody stops it."""
    before = {name for name, *_ in server.asked()}
    page = people["ann"].new_page()
    page.goto(f"/?a={model}&b=digits-mlp-32%2Fseed1&{ENDLESS}")
    page.get_by_role("button", name="Align and compare").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    (asked,) = {name for name, *_ in server.asked()} - before
    yield asked
    page.close()


def checkpoint(path: Path, name: str) -> Path:
    tensors = load_file(ROOT / "checkpoints" / name / "seed0.safetensors")
    torch.save({name: 1.25 * tensor for name, tensor in tensors.items()}, path)
    return path


def brought(page: Page, path: Path) -> None:
    page.goto("/library")
    expect(page.get_by_role("heading", level=2)).to_have_text("Networks and data")
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible()
    page.locator("input[type=file]").first.set_input_files(path)


def owner(home: Path, run: str) -> str:
    with closing(sqlite3.connect(home / "runs.db")) as index:
        ((found,),) = index.execute("SELECT owner FROM runs WHERE id = ?", (run,))
    return str(found)


def kept(home: Path) -> int:
    """Bytes of what visitors gave."""
    return sum(path.stat().st_size for path in (home / "store").rglob("*") if path.is_file())


def test_a_stranger_is_sent_nothing_of_a_private_network_and_of_what_is_computed_with_it(
    people: dict[str, BrowserContext], home: Path, model: str, run: str
) -> None:
    sent: list[bytes] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: sent.append(frame if isinstance(frame, bytes) else frame.encode()))

    def read(response: Response) -> None:
        if response.status == 200 and not re.search(r"\.(js|css|woff2?)(\?|$)", response.url):
            sent.append(response.body())

    page = people["stranger"].new_page()
    page.on("websocket", listen)
    page.on("requestfinished", lambda request: read(request.response()))  # type: ignore[arg-type]
    for address in PUBLIC:
        page.goto(address)
        if not address.startswith("/api"):
            expect(page.get_by_role("heading", level=2).first).to_be_visible()
            page.wait_for_timeout(1000)
    page.close()
    everything = b"\0".join(sent)
    assert len(everything) > 1_000_000, "nothing was listened to"
    for secret in (model, run, FILE, owner(home, run)):
        assert secret.encode() not in everything, f"{secret} was sent to a stranger"


def test_who_has_the_address_sees_the_run_and_running_it_again_leaves_it_with_who_asked_first(
    people: dict[str, BrowserContext], home: Path, run: str
) -> None:
    anns = owner(home, run)
    ann, bob = (people[name].new_page() for name in ("ann", "bob"))
    ann.goto(f"/run?id={run}")
    bob.goto(f"/run?id={run}")
    expect(bob.get_by_text("Aligning B to A").first).to_be_visible()
    expect(bob.get_by_role("button", name="Cancel")).to_have_count(0)
    ann.get_by_role("button", name="Cancel").click()
    for page in (ann, bob):
        expect(page.get_by_text(re.compile("Stopped after"))).to_be_visible()
    bob.get_by_role("button", name="Run again").click()
    expect(bob.get_by_role("button", name="Cancel")).to_be_visible()
    assert owner(home, run) == anns
    bob.get_by_role("button", name="Cancel").click()
    expect(bob.get_by_text(re.compile("Stopped after"))).to_be_visible()
    assert owner(home, run) == anns
    bob.goto("/library")
    expect(bob.get_by_role("heading", level=2)).to_have_text("Networks and data")
    expect(bob.get_by_text(FILE)).to_have_count(0)
    bob.goto("/gallery?whose=mine")
    expect(bob.get_by_text("None of your runs is finished yet.")).to_be_visible()


def test_a_file_past_the_room_of_one_visitor_is_refused_and_not_kept_and_another_still_has_theirs(
    people: dict[str, BrowserContext], home: Path, model: str, tmp_path: Path
) -> None:
    before = kept(home)
    ann, bob = (people[name].new_page() for name in ("ann", "bob"))
    brought(ann, checkpoint(tmp_path / "large.pth", "digits-mlp-512"))
    expect(ann.get_by_test_id("stAlert")).to_contain_text(re.compile(r"large\.pth.*MB"))
    assert kept(home) - before < 50_000, "what was refused was kept"
    brought(bob, checkpoint(tmp_path / "small.pth", "digits-mlp-32"))
    expect(bob.get_by_text(re.compile(r"verified to \d\.\d × 10"))).to_be_visible(timeout=COMPUTED)
