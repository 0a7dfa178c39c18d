"""Marks of sentences: neutral in the core, Streamlit's on a page, none in a terminal."""

import re
from pathlib import Path

import pytest

from lmc_core.words.marks import Text, as_text, formula, joined, marked, say
from pages._frame.text import markdown

CORE = Path(__file__).parents[2] / "lmc_core"
HOSTILE = ["*x*", "__init__", "`x`", "[x](y)", "![x](y)", "<b>", "$x$", ":red[x]", ":smile:", "~~x~~", "a|b", "x@y.org"]


def test_a_template_is_filled_with_texts_and_keeps_its_own_marks() -> None:
    text = say("**Look.** {A} to {B}: {x} of *all*, {naive:before}", x=marked("aligned", "0.5"))
    assert str(text) == "Look. A to B: 0.5 of all, before"
    assert [(s.text, s.role, s.style) for s in text.spans if s.role or s.style] == [
        ("Look.", None, "strong"), ("A", "a", None), ("B", "b", None), ("0.5", "aligned", None),
        ("all", None, "emphasis"), ("before", "naive", None),
    ]  # fmt: skip


def test_a_name_that_is_no_value_and_no_role_is_refused() -> None:
    with pytest.raises(ValueError, match="unpack"):
        say("{nobody}")


def test_texts_add_up_and_join_without_gaps() -> None:
    assert str("after " + marked("b", "B") + "!") == "after B!"
    assert str(joined(["one.", Text(), "", say("two.")])) == "one. two."
    assert not joined([])


def test_a_page_colours_what_a_terminal_does_not() -> None:
    text = say("**Unit {n} of {A}.** {aligned:0.5} {grey:→} {fused:1}", n="7")
    assert markdown(text) == "**Unit 7 of :blue[A].** :green[0.5] :gray[→] :yellow[1]"
    assert str(text) == "Unit 7 of A. 0.5 → 1"


def test_a_formula_is_set_on_a_page_and_written_elsewhere() -> None:
    text = say("from {n} on", n=formula("N_{\\min}", "N_min"))
    assert (markdown(text), str(text)) == ("from $N_{\\min}$ on", "from N_min on")


@pytest.mark.parametrize("name", HOSTILE)
def test_words_from_elsewhere_stay_as_they_are(name: str) -> None:
    """Each special letter has a backslash, or stands where it means nothing."""
    written = markdown(say("of {name}", name=name))
    assert re.sub(r"\\(.)", r"\1", written) == f"of {name}" == str(say("of {name}", name=name))
    assert not re.search(r"(?<!\\)[*_`\[\]<>$~|@]", written)
    assert not re.search(r"(?<!\\):\S", written)
    assert markdown(as_text(name)) in markdown(marked("a", name))


def test_the_core_writes_no_markup_of_a_page_and_strips_none() -> None:
    colours = re.compile(r":(?:blue|violet|orange|green|yellow|gray|red|material)(?:-background)?[\[/]")
    assert [str(p) for p in CORE.rglob("*.py") if colours.search(p.read_text())] == []
