"""Scripts that a page with a figure needs are asked for while it starts, each once and with all that it imports."""

import re
from pathlib import Path

import pytest

from pages._frame import ahead
from pages._frame.document import AHEAD, INDEX

PAGE = INDEX.read_text(encoding="utf-8")
ASKED = re.findall(r'href="\./static/js/([^"]+)"', AHEAD)


def test_every_address_is_of_a_script_and_asked_for_once() -> None:
    assert [name for name in ASKED if not (ahead.SCRIPTS / name).is_file()] == []
    assert len(set(ASKED)) == len(ASKED)
    assert [name for name in ASKED if name in PAGE] == []


@pytest.mark.parametrize("element", ahead.ELEMENTS)
def test_the_script_of_every_element_is_among_them_with_all_that_it_imports(element: str) -> None:
    (script,) = ahead.SCRIPTS.glob(f"{element}.*.js")
    imported = re.findall(r'(?:from|import)"\./([\w.-]+\.js)"', script.read_text(encoding="utf-8"))
    assert len(imported) > 0
    for name in (script.name, *imported):
        assert name in ASKED or name in PAGE or not (ahead.SCRIPTS / name).is_file()


def test_the_library_of_figures_is_the_one_that_is_run() -> None:
    (run,) = re.findall(r'href="\./static/js/([^"]+)" data-figures', AHEAD)
    assert run.startswith(f"{ahead.LIBRARY}.")
    assert AHEAD.count("<script>") == 1


def test_imports_are_followed_to_their_end_and_circles_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = {
        "A.1.js": 'import{a as b}from"./b.2.js";import"./c.3.js";x()',
        "b.2.js": 'import{d}from"./d.4.js";',
        "c.3.js": 'import"./A.1.js";',
        "d.4.js": 'say(from,"./e.5.js")',
        "e.5.js": "",
    }
    for name, body in bodies.items():
        (tmp_path / name).write_text(body)
    monkeypatch.setattr(ahead, "SCRIPTS", tmp_path)
    assert list(ahead.needed("A")) == ["A.1.js", "b.2.js", "c.3.js", "d.4.js"]


def test_a_streamlit_whose_scripts_have_other_names_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "SCRIPTS", tmp_path)
    assert ahead.links(PAGE) == ""
