"""The guide: five pictures of what is shipped, every method with its use, and one meaning per word."""

import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from scripts import opened, texts

from lmc_core import runs
from lmc_core.fusion import FUSIONS
from lmc_core.methods import METHODS
from lmc_core.runs import keep, service
from lmc_core.runs.share.default import examples
from lmc_core.words.guide import CHAPTERS, WHEN, WORDS
from pages._frame.text import escaped


@pytest.fixture(autouse=True)
def host(home: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LMC_DATA", raising=False)
    monkeypatch.setenv("LMC_PREPARE", "off")


def test_before_anything_is_stored_the_guide_says_so_instead_of_drawing() -> None:
    at = opened("guide.py")
    assert not at.get("plotly_chart")
    assert "has not computed" in texts(at)


def test_five_pictures_are_drawn_of_what_is_shipped_and_lead_to_their_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lmc_core.runs.engine.wake", lambda archive: None)
    for request in examples():
        service.adopt(request, keep.opened())
        runs.submit(request)
    at = opened("guide.py")
    assert len(at.get("plotly_chart")) == len(CHAPTERS) == 5
    assert "has not computed" not in texts(at)
    for chapter in CHAPTERS.values():
        assert chapter.title in texts(at)
        assert runs.default_request(chapter.kind) is not None
    (compare,) = (request for request in examples() if request.kind == "compare")
    assert "activation matching leaves the smallest mean barrier" in runs.result(compare.id).finding


def test_every_method_says_when_to_use_it() -> None:
    assert set(WHEN) == {*METHODS, *FUSIONS}
    at = opened("guide.py", part="methods")
    for method in (*METHODS.values(), *FUSIONS.values()):
        assert f"**{escaped(method.title)}**" in texts(at)
    assert len(at.code) == len(WHEN)


def test_learn_more_leads_to_the_method_that_was_chosen() -> None:
    for page, key, name in (("explore.py", "method", "frank-wolfe"), ("fuse.py", "fusion", "zipit")):
        known = {**METHODS, **FUSIONS}[name]
        (more,) = re.findall(r"\[Learn more\]\(([^)]*)\)", texts(opened(page, **{key: name})))
        query = dict(parse_qsl(urlsplit(more).query))
        at = opened("guide.py", **query)
        assert f"**{escaped(known.title)}**" in texts(at)
        assert len(at.code) == 1, "and to no other"


def test_every_word_has_one_meaning() -> None:
    at = opened("guide.py", part="words")
    for word in WORDS:
        assert f"**{word.capitalize()}**" in texts(at)
    assert len(set(WORDS.values())) == len(WORDS)
