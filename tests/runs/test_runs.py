"""Requests, the index, the library and the web API, without a server."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import path_request

from lmc_core import runs
from lmc_core.data import idx
from lmc_core.errors import CheckpointError, InputError, RunError
from lmc_core.runs import keep
from lmc_core.runs.keep.tables import RUNS
from lmc_core.runs.kinds.path import STAGES
from lmc_core.runs.kinds.request import Request
from lmc_core.runs.library import models as library
from lmc_core.runs.settings import settings
from lmc_core.runs.values.status import RunStatus

ROOT = Path(__file__).parents[2]
A, B = "digits-mlp-128/seed0", "digits-mlp-128/seed1"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("LMC_STORE", "LMC_DATABASE_URL", "LMC_ENGINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LMC_HOME", str(tmp_path))
    yield tmp_path
    keep.opened().index.close()


def test_equal_requests_have_equal_ids_however_they_are_written() -> None:
    first = path_request(A, B, settings={}, points=25)
    second = path_request(a=A, b=B, points=25.0, train_examples="10000")  # type: ignore[arg-type]
    assert first == second
    assert first.json == second.json
    assert first.id == second.id


def test_the_id_is_the_start_of_the_hash_of_the_canonical_json() -> None:
    request = path_request(A, B)
    assert request.id == hashlib.sha256(request.json.encode()).hexdigest()[:16]
    assert request.json == json.dumps(json.loads(request.json), sort_keys=True, separators=(",", ":"))


def test_ids_do_not_depend_on_the_process() -> None:
    script = f"from lmc_core import runs; print(runs.find(runs.Request.of('path', a={A!r}, b={B!r}, seed=7)))"
    shown = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == path_request(A, B, seed=7).id


@pytest.mark.parametrize(
    "change",
    [
        {"b": "digits-mlp-128/seed2"},
        {"data": "mnist"},
        {"method": "activation-matching"},
        {"settings": {"examples": 100}},
        {"points": 26},
        {"recalibrate": "repair"},
        {"seed": 1},
        {"train_examples": 500},
        {"device": "cpu"},
    ],
)
def test_every_option_is_part_of_the_id(change: dict[str, Any]) -> None:
    if "settings" in change:
        from lmc_core.methods import METHODS

        number = next(p for p in METHODS["weight-matching"].parameters if p.kind is int)
        plain = path_request(A, B, method="weight-matching")
        other = path_request(A, B, method="weight-matching", settings={number.name: number.default + 1})
        assert plain.id != other.id
        return
    assert path_request(**{"a": A, "b": B, **change}).id != path_request(A, B).id


def test_other_weights_under_the_same_name_give_another_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path_request(A, B).id
    entries = json.loads((ROOT / "checkpoints" / "index.json").read_text())
    for entry in entries:
        if entry["id"] == B:
            entry["fingerprint"] = "0" * 64
    (tmp_path / "index.json").write_text(json.dumps(entries))
    monkeypatch.setenv("LMC_CHECKPOINTS", str(tmp_path))
    assert path_request(A, B).id != before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"a": "no-such/model"}, "there is no model 'no-such/model'"),
        ({"b": "../../etc/passwd"}, "there is no model"),
        ({"b": "0123456789abcdef"}, "there is no model"),
        ({"data": "imagenet"}, "data='imagenet' is not one of digits"),
        ({"data": "/etc/passwd.npz"}, "is not one of"),
        ({"method": "magic"}, "method='magic' is not one of"),
        ({"settings": {"magic": 1}}, "has no setting 'magic'"),
        ({"points": 1}, "points=1 is not a whole number from 2 to 201"),
        ({"points": 202}, "from 2 to 201"),
        ({"points": 2.5}, "points=2.5"),
        ({"points": float("nan")}, "points=nan"),
        ({"points": float("inf")}, "points=inf"),
        ({"points": True}, "points=True"),
        ({"points": None}, "points=None"),
        ({"recalibrate": "always"}, "recalibrate='always' is not one of auto, bn-reset, repair, none"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": 2**32}, "seed="),
        ({"train_examples": -1}, "train_examples=-1 is not a whole number from 0"),
        ({"device": "cuda:0; rm -rf"}, "device='cuda:0; rm -rf' is not"),
    ],
)
def test_values_no_widget_would_send_are_refused_with_a_sentence(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as refused:
        path_request(**{"a": A, "b": B, **change})
    assert words in str(refused.value)


def test_a_request_survives_being_written_and_parsed() -> None:
    request = path_request(A, B, recalibrate="repair", seed=3)
    assert runs.find(Request.parse(request.json)) == request.id
    assert Request.stored(request.json) == request


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not json", "a request is a JSON object"),
        ("[1]", "a request is a JSON object"),
        ('{"kind":"steal"}', "kind='steal' is not one of path"),
        ('{"kind":"path"}', "path needs a: "),
        (json.dumps({"kind": "path", "a": A, "b": B, "points": 999}), "from 2 to 201"),
        (json.dumps({"kind": "path", "a": A, "b": B, "shell": "true"}), "path has no option 'shell'; it has a, b"),
        (json.dumps({"kind": "path", "a": A, "b": B, "version": 999}), "version 999"),
        (json.dumps({"kind": "path", "a": A, "b": B, "fingerprints": ["0", "1"]}), "other weights"),
    ],
)
def test_a_foreign_request_is_checked_when_parsed(text: str, words: str) -> None:
    with pytest.raises(InputError) as refused:
        runs.bind(Request.parse(text))
    assert words in str(refused.value)


def test_a_request_cannot_be_changed() -> None:
    request = path_request(A, B)
    with pytest.raises(TypeError):
        request.options["points"] = 3  # type: ignore[index]


def test_submitting_queues_once_and_tells_the_position() -> None:
    run = runs.submit(path_request(A, B))
    other = runs.submit(path_request(A, B, seed=1))
    assert runs.submit(path_request(A, B)) == run
    assert [runs.status(name).position for name in (run, other)] == [1, 2]
    assert runs.status(run).title.endswith("seeds 0 and 1")
    assert runs.request(run) == path_request(A, B)


def test_an_unknown_run_is_an_error_and_its_id_is_not_trusted() -> None:
    for name in ("0" * 16, "../secret", "", "x" * 10_000):
        with pytest.raises(InputError, match="there is no run"):
            runs.status(name)


def test_the_result_of_a_run_that_is_not_done_says_so() -> None:
    run = runs.submit(path_request(A, B))
    with pytest.raises(RunError, match="is queued"):
        runs.result(run)


def test_a_cancelled_run_can_be_retried() -> None:
    run = runs.submit(path_request(A, B), "ann")
    assert runs.cancel(run, "ann")
    assert runs.status(run).state == "cancelled"
    assert runs.retry(run, "ann") == run
    assert runs.status(run).state == "queued"


def test_a_result_in_the_store_needs_no_computing(home: Path) -> None:
    from results import a_result

    request = path_request(A, B)
    keep.opened().store.save(request.id, a_result())
    assert runs.submit(request) == request.id
    assert runs.status(request.id).state == "done"
    assert runs.status(request.id).finding == "It falls."
    assert runs.result(request.id).finding == "It falls."


def test_a_run_whose_result_was_deleted_is_computed_again() -> None:
    from results import a_result

    request = path_request(A, B)
    keep.opened().store.save(request.id, a_result())
    runs.submit(request)
    keep.opened().store.remove("runs", request.id)
    runs.submit(request)
    assert runs.status(request.id).state == "queued"


def test_a_visitor_cannot_fill_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMC_QUEUE_PER_OWNER", "2")
    monkeypatch.setenv("LMC_QUEUE", "3")
    for seed in range(2):
        runs.submit(path_request(A, B, seed=seed), "ann")
    with pytest.raises(RunError, match="2 of your runs are waiting"):
        runs.submit(path_request(A, B, seed=2), "ann")
    runs.submit(path_request(A, B, seed=0), "ann")
    runs.submit(path_request(A, B, seed=2), "bob")
    with pytest.raises(RunError, match="3 runs are waiting"):
        runs.submit(path_request(A, B, seed=3), "cem")


def test_recent_shows_listed_runs_newest_first() -> None:
    names = [runs.submit(path_request(A, B, seed=seed)) for seed in range(3)]
    assert [status.id for status in runs.recent()] == names[::-1]
    assert [status.id for status in runs.recent(limit=1)] == names[2:]
    assert runs.recent(state="done") == []


def test_what_a_visitor_asks_of_shipped_models_is_theirs_until_they_publish_it() -> None:
    run = runs.submit(path_request(A, B), "ann")
    assert runs.recent() == runs.recent(owner="bob") == []
    assert [status.id for status in runs.recent(owner="ann", mine=True)] == [run]
    keep.opened().index.change(RUNS, RUNS.c.id == run, state="done")
    assert runs.publish(run, "ann")
    assert [status.id for status in runs.recent(owner="bob")] == [run]
    assert runs.publish(run, "ann", listed=False)
    assert runs.recent() == []


def test_steps_and_fraction_are_read_from_the_stage() -> None:
    third = STAGES[2]
    status = RunStatus("0" * 16, "path", "running", stage=third, part="sweep", done=1, total=2, stages=STAGES)
    assert (status.step, status.steps) == (3, 5)
    assert status.fraction == pytest.approx(2.5 / 5)
    assert RunStatus("0" * 16, "path", "running", elapsed=90, expected=10).fraction < 1


def test_the_library_lists_what_is_shipped_with_its_accuracy() -> None:
    cards = {card.id: card for card in library.models()}
    assert cards[A].accuracy["test"] > 0.9
    assert Path(cards[A].path).is_file()
    assert cards[A].listed
    assert not cards[A].uploaded
    assert library.card(A) == cards[A]


@pytest.mark.parametrize("name", ["model.exe", "model", "model.pkl", "safetensors"])
def test_a_file_that_is_no_checkpoint_is_refused_by_name(name: str) -> None:
    with pytest.raises(CheckpointError, match="is not a checkpoint"):
        library.add(name, b"bytes")


def test_an_upload_is_kept_under_a_name_of_its_own_and_waits_to_be_inspected(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"content")
    run = runs.submit(library.add("../../etc/evil\x00name.pt", tmp_path / "source", owner="ann"), "ann")
    named = runs.request(run).options["upload"]
    assert keep.opened().store.names("uploads") == {named}
    assert keep.opened().store.read("uploads", named) == b"content"
    status = runs.status(run)
    assert (status.kind, status.state, status.listed, status.title) == ("inspect", "queued", False, "evilname.pt")
    assert runs.submit(library.add("evilname.pt", b"content", owner="ann"), "ann") == run
    assert runs.submit(library.add("evilname.pt", b"content", owner="bob"), "bob") != run, "his file is his own"


def test_an_unlisted_run_is_shown_to_its_owner_only() -> None:
    run = runs.submit(library.add("mine.pt", b"content", owner="ann"), "ann")
    assert runs.recent(kind=None) == []
    assert runs.recent(kind=None, owner="bob") == []
    assert [status.id for status in runs.recent(kind=None, owner="ann")] == [run]


def test_the_default_run_is_the_declared_example_whatever_data_is_at_hand(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("LMC_DATA", raising=False)
    request = runs.default_request()
    assert request is not None
    assert request.options["data"] == "digits"
    assert request.options["method"] == "activation-matching"
    with_data(monkeypatch, tmp_path)
    assert runs.default_request() == request


def test_where_the_example_is_not_shipped_the_default_run_is_a_pair_whose_data_is_at_hand(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shipped = settings().checkpoints
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mnist-mlp-512").symlink_to(shipped / "mnist-mlp-512")
    index = [entry for entry in json.loads((shipped / "index.json").read_text()) if entry["id"].startswith("mnist-mlp")]
    (tmp_path / "models" / "index.json").write_text(json.dumps(index))
    monkeypatch.setenv("LMC_CHECKPOINTS", str(tmp_path / "models"))
    monkeypatch.setenv("LMC_DATA", str(tmp_path / "data"))
    (tmp_path / "data" / "mnist").mkdir(parents=True)
    assert runs.default_request() is None, "an empty folder, as a failed download leaves it, is no data"
    with_data(monkeypatch, tmp_path / "data")
    request = runs.default_request()
    assert request is not None
    assert request.options["a"] == "mnist-mlp-512/seed0"


def with_data(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """MNIST is there."""
    monkeypatch.setenv("LMC_DATA", str(folder))
    (folder / "mnist").mkdir(exist_ok=True)
    for name in idx.MNIST.files:
        (folder / "mnist" / name).touch()


def test_nothing_a_web_process_uses_imports_torch() -> None:
    script = (
        "import sys; from lmc_core import runs; from lmc_core.runs import service; "
        "from lmc_core.runs.library import models as library; from lmc_core.runs.share import routes; "
        "from lmc_core.runs.kinds import classes; "
        f"runs.submit(runs.Request.of('path', a={A!r}, b={B!r})); library.models(); "
        "classes(); runs.default_request(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0
