"""Results that were removed: every page stands, says it in one sentence, and offers to compute them again."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from asking import path_request
from results import a_result
from scripts import PAIR, computed, heading, opened, script, texts
from starlette.requests import Request as HTTPRequest

from lmc_core import runs
from lmc_core.runs import keep
from lmc_core.runs.keep.tables import RUNS
from lmc_core.runs.kinds.request import Request
from pages._ask import links as address
from pages._frame import document
from pages._frame.navigation import TITLES
from pages._show.view import view

OWNER = "ann"
SENTENCE = "This result was removed after nobody had opened it for 90 days. Compute it again to see it."


@pytest.fixture(scope="module")
def other(home: Path) -> str:
    """A published result that stays."""
    request = path_request(PAIR["a"], PAIR["b"], seed=7)
    keep.opened().store.save(request.id, replace(a_result(7), finding="It stays."))
    run = runs.submit(request, "bob")
    assert runs.publish(run, "bob", True)
    return run


@pytest.fixture(scope="module")
def removed(analyses: dict[str, Request], other: str, home: Path) -> Iterator[dict[str, Request]]:
    """Kind → a run of Ann's in the gallery, whose result was removed; it is what the pages of its kind open on."""
    asked = {**analyses, "path": path_request(**PAIR, method="weight-matching", points=3)}
    computed(asked["path"], home / "work" / "path")
    archive, ids = keep.opened(), [request.id for request in asked.values()]
    archive.note_openings()
    archive.index.change(RUNS, RUNS.c.id.in_(ids), owner=OWNER, opened=1.0)
    assert {*archive.tidy()} == {*ids}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "default_request", lambda kind="path": asked.get(kind))
        yield asked
    archive.index.close()


def test_the_gallery_shows_what_is_there_and_nothing_of_what_is_not(removed: dict[str, Request], other: str) -> None:
    findings = [runs.status(request.id).finding for request in removed.values()]
    assert all(findings)
    for visitor, whose in (("a stranger", "all"), ("bob", "mine"), (OWNER, "mine")):
        at = opened("gallery.py", visitor, whose=whose)
        assert ("It stays" in texts(at)) == (visitor != OWNER)
        assert not any(finding in texts(at).replace("\\", "") for finding in findings)


def test_a_result_that_was_removed_after_it_was_picked_leaves_the_gallery_standing(
    removed: dict[str, Request], other: str
) -> None:
    at = opened("gallery.py", "a stranger")
    at.session_state["with"] = [other, removed["path"].id]
    at.run()
    assert not at.exception
    assert SENTENCE in texts(at).replace("\\", "")


def test_a_walk_over_every_page_meets_no_error(removed: dict[str, Request]) -> None:
    at = opened()
    for page in TITLES:
        queries = [address.query(kind, request.options) for kind, request in removed.items()]
        ids = [{"id": request.id} for request in removed.values()] if page == "run" else []
        for question in ({}, *ids, *queries):
            at.query_params.clear()
            at.switch_page(script(f"{page}.py"))
            for name, value in question.items():
                at.query_params[name] = value
            at.run()
            assert not at.exception, (page, question, at.exception)


def test_its_page_says_that_it_was_removed_and_one_click_computes_it_again_for_its_owner(
    removed: dict[str, Request],
) -> None:
    for kind, request in removed.items():
        at = opened("run.py", "a stranger", id=request.id)
        assert heading(at) == "## The stored result was removed."
        assert SENTENCE in texts(at).replace("\\", ""), kind
        assert at.get_by_key("again").label == "Compute again"
    run = removed["theory"].id
    opened("run.py", "a stranger", id=run).get_by_key("again").click().run()
    assert runs.status(run).state == "queued"
    assert runs.owned(run, OWNER)
    runs.cancel(run)
    keep.opened().index.change(RUNS, RUNS.c.id == run, state="failed", reason=SENTENCE, removed=1.0)


@pytest.mark.parametrize("kind", ["path", "plane"])
def test_the_page_of_a_kind_opens_on_the_sentence_where_its_example_was_removed(
    removed: dict[str, Request], kind: str
) -> None:
    at = opened(f"{view(kind).page}.py", **address.query(kind, removed[kind].options))
    assert SENTENCE in texts(at).replace("\\", "")
    assert at.get_by_key("again").label == "Compute again"


def test_the_document_of_its_page_answers_410_and_every_other_200(removed: dict[str, Request], other: str) -> None:
    def code(path: str, query: str) -> int:
        scope = {"type": "http", "path": path, "query_string": query.encode(), "headers": []}
        return document.document(HTTPRequest(scope)).status_code

    assert code("/run", f"id={removed['path'].id}") == 410
    for path, query in (("/run", f"id={other}"), ("/run", "id=x"), ("/run", ""), ("/", f"id={removed['path'].id}")):
        assert code(path, query) == 200
