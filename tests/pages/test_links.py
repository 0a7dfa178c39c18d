"""Links and clicks from page to page: whatever the address says, a page shows what it can, and never an error."""

import json
import math
import random
from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

import pytest
from asking import path_request, request_of
from scripts import ROOT, computed, opened, script
from streamlit.testing.v1 import AppTest

from lmc_core import runs
from lmc_core.errors import SettingError
from lmc_core.fusion import FUSIONS
from lmc_core.methods import METHODS
from lmc_core.runs.library import models as library
from pages._ask import links as address
from pages._frame import query, url
from pages._show.view import view

SHIPPED = [f"digits-mlp-{width}/seed{seed}" for width in (32, 128, 512) for seed in range(3)]
PAIR = {"a": SHIPPED[0], "b": SHIPPED[1], "method": "weight-matching", "train_examples": 200}
ASKED = {
    "path": {"a": SHIPPED[0], "b": SHIPPED[1], "method": "weight-matching", "recalibrate": "auto"},
    "fuse": {"models": SHIPPED[:2]},
    "plane": PAIR | {"grid": 5},
    "theory": PAIR,
    "compare": {"models": [*SHIPPED[:2], *SHIPPED[3:5]], "methods": ["weight-matching"], "points": 5},
}
QUERIES = 10_000
SPOKEN = 3  # queries of each page that are really opened

Links = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def links(home: Path) -> Iterator[Links]:
    """Page → the query of the default run of its kind; here these are small, really computed and stored."""
    requests = {
        kind: path_request(**options) if kind == "path" else request_of(kind, **options)
        for kind, options in ASKED.items()
    }
    for kind, request in requests.items():
        computed(request, home / f"links-{kind}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "default_request", lambda kind="path": requests.get(kind))
        yield {
            **{f"{view(kind).page}.py": address.query(kind, request.options) for kind, request in requests.items()},
            "library.py": {"part": "Your data"},
            "gallery.py": {"kind": "plane"},
            "run.py": {"id": requests["plane"].id},
        }


def click(at: AppTest, page: str, question: dict[str, str]) -> AppTest:
    """Another page of the same visit; a click leaves the query of the page before behind, as a browser does."""
    at.query_params.clear()
    at.switch_page(script(page))
    for name, value in question.items():
        at.query_params[name] = value
    at.run()
    return at


def visit() -> AppTest:
    """A visitor who has nothing open yet."""
    return AppTest.from_file(str(ROOT / "pages" / "_shell.py"), default_timeout=60)


@pytest.mark.parametrize("linked", [True, False], ids=["with queries", "without"])
def test_every_page_leads_to_every_other_by_one_click(links: Links, linked: bool) -> None:
    for first, second in permutations(links, 2):
        at = visit()
        for page in (first, second):
            click(at, page, links[page] if linked else {})
            assert not at.exception, (first, second)
            drawn = len(at.get("plotly_chart"))
            assert drawn or page in ("library.py", "gallery.py", "run.py"), f"{page} shows no result"
            open_choices = [one.key for one in at.get("button_group") if one.value is None and one.key != "tag"]
            assert not open_choices, (first, second)


def test_what_was_chosen_on_one_page_is_shown_as_chosen_on_the_next(links: Links) -> None:
    chosen = links["landscape.py"] | {"split": "train"}
    for page in ("compare.py", "run.py", "explore.py", "theory.py"):
        at = click(click(visit(), "landscape.py", chosen), page, {"id": links["run.py"]["id"]})
        there = {control.key for kind in (at.selectbox, at.get("button_group")) for control in kind}
        same = {key for key in ("a", "method", "split") if key in there and key in chosen}
        assert same, page
        assert {key: at.get_by_key(key).value for key in same} == {key: chosen[key] for key in same}
        assert all(at.query_params.get(key, chosen[key]) == chosen[key] for key in same), "a default is left out"


def test_one_pair_is_open_on_all_pages(links: Links) -> None:
    pair = SHIPPED[3:5]
    at = click(visit(), "explore.py", {"a": pair[0], "b": pair[1]})
    shown = {}
    for page in ("fuse.py", "landscape.py", "compare.py", "theory.py", "explore.py"):
        at = click(at, page, {})
        key = {"fuse.py": "models", "compare.py": "networks"}.get(page)
        shown[page] = at.get_by_key(key).value if key else [at.get_by_key(letter).value for letter in "ab"]
        in_address = at.query_params[key or "a"]
        assert in_address == (",".join(pair) if key else pair[0]), "its link opens the same for somebody else"
    assert shown == dict.fromkeys(shown, pair)


def test_networks_of_a_list_are_the_pair_of_other_pages_and_a_link_of_its_own_goes_first(links: Links) -> None:
    three = [SHIPPED[4], SHIPPED[3], SHIPPED[5]]
    at = click(visit(), "fuse.py", {})
    at.get_by_key("models").set_value(three).run()
    at = click(at, "landscape.py", {})
    assert [at.get_by_key(letter).value for letter in "ab"] == three[:2]
    assert click(at, "fuse.py", {}).get_by_key("models").value == three, "the third is not forgotten"
    at = click(at, "theory.py", {"a": SHIPPED[0], "b": SHIPPED[1]})
    assert [at.get_by_key(letter).value for letter in "ab"] == SHIPPED[:2]
    assert click(at, "compare.py", {}).get_by_key("networks").value[:2] == SHIPPED[:2]


def test_an_example_of_other_networks_says_what_it_is(links: Links) -> None:
    at = click(visit(), "landscape.py", {"a": SHIPPED[3], "b": SHIPPED[4]})
    assert "Digits MLP" in at.info[0].value, at.info[0].value


def test_a_number_that_nobody_chose_is_that_of_the_page_and_a_chosen_one_stays(links: Links) -> None:
    at = click(visit(), "explore.py", {})
    assert at.get_by_key("points").value == 25
    assert click(at, "fuse.py", {}).get_by_key("points").value == 11
    at.get_by_key("points").set_value(51).run()
    assert at.query_params["points"] == "51"
    assert click(at, "explore.py", {}).get_by_key("points").value == 51
    assert click(at, "fuse.py", {"points": "11"}).get_by_key("points").value == 11


def test_who_clicks_before_the_browser_knows_the_new_address_loses_no_choice(links: Links) -> None:
    chosen = {"method": "identity", "points": 51, "test_examples": 500, "curve": "bezier"}
    for first, second in permutations(chosen, 2):
        at = click(visit(), "explore.py", {})
        left = dict(at.query_params)
        for key in (first, second):
            at.query_params.clear()
            at.query_params.update(left)  # the address before the page wrote into it
            at.get_by_key(key).set_value(chosen[key]).run()
            assert not at.exception
        for key in (first, second):
            assert (key, at.get_by_key(key).value) == (key, chosen[key])
            assert at.query_params[key] in (str(chosen[key]), [str(chosen[key])])


def test_who_clicks_twice_before_the_browser_knows_the_new_address_gets_the_second(links: Links) -> None:
    at = click(visit(), "explore.py", {})
    for number in (51, 9):
        at.query_params.clear()
        at.get_by_key("points").set_value(number).run()
    assert at.get_by_key("points").value == 9


def test_who_goes_back_to_an_address_gets_what_it_said(links: Links) -> None:
    at = click(visit(), "explore.py", {})
    at.get_by_key("points").set_value(51).run()
    at.get_by_key("points").set_value(9).run()
    for left, number in (({"points": "51"}, 51), ({}, 25), ({"points": "9"}, 9)):
        at.query_params.clear()
        at.query_params.update(left)
        at.run()
        assert at.get_by_key("points").value == number


@pytest.fixture
def readers(links: Links, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, tuple[query.Reader, Any]]]:
    """Opens a page and returns how it reads each key of its query, with the default of that key."""

    def of(page: str, **question: str) -> dict[str, tuple[query.Reader, Any]]:
        found: dict[str, tuple[query.Reader, Any]] = {}
        settle = url._settle

        def spy(label: str, read: query.Reader, default: Any, key: str, *more: Any, **how: Any) -> None:
            found[key] = read, default
            settle(label, read, default, key, *more, **how)

        with monkeypatch.context() as patch:
            patch.setattr(url, "_settle", spy)
            opened(page, **links[page] | question)
        return found

    return of


def declared(readers: Callable[..., dict[str, tuple[query.Reader, Any]]], links: Links) -> dict[str, Any]:
    """Page → its keys, whatever has to be chosen for them to appear."""
    pages = {page: readers(page) for page in links}
    for name in METHODS:
        pages["explore.py"] |= readers("explore.py", method=name)
    for kind in ("bezier", "through"):
        pages["explore.py"] |= readers("explore.py", curve=kind)
    for name in FUSIONS:
        pages["fuse.py"] |= readers("fuse.py", fusion=name)
    for widths in ("one", "each"):
        pages["fuse.py"] |= readers("fuse.py", widths=widths)
    pages["landscape.py"] |= readers("landscape.py", shape="relief")
    pages["theory.py"] |= readers("theory.py", part="width")
    return pages


ODD = ["inf", "-inf", "1e309", "nan", "1e18", "-1", "0x10", "²", "٣", "1_0", "", " ", ",", ",,,", "None", "null", "\0"]
ODD += ["é", "%", "../../etc/passwd", "<script>", "{}", "[]", "test", "true"]
ODD += ["9" * 5_000, "z" * 2_000, ",".join(SHIPPED * 7)]


def text(chance: random.Random, known: list[str]) -> str:
    """What somebody may write for a value: odd, known here, some of each, or nothing but noise."""
    pieces = [chance.choice(chance.choice((ODD, known))) for _ in range(chance.choice((1, 1, 1, 2, 5)))]
    noise = "".join(chr(chance.randrange(0x2000)) for _ in range(chance.randrange(6)))
    return chance.choice((",", "", noise)).join(pieces)


def test_random_queries_are_read_as_values_that_the_page_can_show(
    readers: Callable[..., dict[str, tuple[query.Reader, Any]]], links: Links
) -> None:
    pages, chance, read_as = declared(readers, links), random.Random(15), {True: 0, False: 0}
    assert sum(map(len, pages.values())) > 80
    for _ in range(QUERIES):
        page = chance.choice(list(pages))
        if not pages[page]:
            continue
        keys = chance.sample(list(pages[page]), min(len(pages[page]), 6))
        known = SHIPPED + [str(pages[page][key][1]) for key in keys]
        asked_for = "&".join(f"{quote(key)}={quote(text(chance, known))}" for key in keys)
        for key, values in parse_qs(asked_for, keep_blank_values=True).items():
            read, default = pages[page][key]
            value = read(values[-1])
            read_as[value is None] += 1
            if value is None:
                continue
            assert type(value) is type(default), (page, key, value)
            assert read(value) == value, "what was read once is read again as the same"
            assert read(",".join(value) if isinstance(value, list) else str(value)) == value, "the link it makes"
            assert not isinstance(value, (int, float)) or math.isfinite(value)
            json.dumps(value, allow_nan=False)
    assert min(read_as.values()) > QUERIES / 4, "too one-sided to say anything"
    for keys in pages.values():
        assert all(read(default) == default for read, default in keys.values())


def test_random_queries_open_every_page(
    readers: Callable[..., dict[str, tuple[query.Reader, Any]]], links: Links
) -> None:
    pages, chance = declared(readers, links), random.Random(6)
    bound = ["t", "tab", "overlay", "part", "temperature", "device", "q", "tag", "layout", "id", "v", "weights", "x"]
    for page, keys in pages.items():
        for _ in range(SPOKEN):
            every = [*keys, *bound]
            known = SHIPPED + [str(default) for _, default in keys.values()]
            chosen = chance.sample(every, min(len(every), 12))
            asked_for = {key: text(chance, known) for key in chosen}
            at = click(visit(), page, links[page] | asked_for)
            assert not at.exception, (page, asked_for)


@pytest.mark.parametrize("value", ["inf", "-inf", "1e309", "nan", "²", "2.5", "", "9" * 400])
def test_what_is_no_number_of_that_range_is_the_usual_one_and_is_said(
    readers: Callable[..., dict[str, tuple[query.Reader, Any]]], links: Links, value: str
) -> None:
    for page in ("explore.py", "fuse.py", "compare.py", "landscape.py", "theory.py"):
        numbers = {key: default for key, (_, default) in readers(page).items() if type(default) is int}
        assert numbers
        at = opened(page, **links[page] | dict.fromkeys(numbers, value))
        assert {key: at.get_by_key(key).value for key in numbers} == numbers
        assert not set(numbers) & set(at.query_params)
        assert len([said for said in at.toast if "cannot be had here" in said.value]) == len(numbers)
        assert not at.run().toast, "it is said once"


@pytest.mark.parametrize(("page", "key", "most"), [("compare.py", "networks", None), ("fuse.py", "models", 8)])
def test_a_link_with_too_many_networks_takes_those_that_it_can(
    links: Links, page: str, key: str, most: int | None
) -> None:
    every = [card.id for card in library.models()]
    sixty = (every * 60)[:60]
    at = opened(page, **{key: ",".join(sixty)})
    assert at.get_by_key(key).value == list(dict.fromkeys(sixty))[:most]
    assert any("cannot be had here" in said.value for said in at.toast)
    at = opened(page, **{key: ",".join(f"{number:016x}" for number in range(20_000))})
    assert at.get_by_key(key).value == opened(page).get_by_key(key).value
    assert any("cannot be had here" in said.value for said in at.toast)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, "inf", "1e309", "-inf", "nan"])
def test_no_setting_of_a_method_is_without_bounds(value: object) -> None:
    every = [p for known in (METHODS, FUSIONS) for method in known.values() for p in method.parameters]
    numbers = [parameter for parameter in every if parameter.kind in (int, float)]
    assert numbers
    for parameter in numbers:
        with pytest.raises(SettingError, match=parameter.name):
            parameter.check(value)


def test_a_search_longer_than_a_database_can_take_is_cut(links: Links) -> None:
    assert 0 < len(opened("gallery.py", q="z" * 60_000).get_by_key("q").value) < 1_000
