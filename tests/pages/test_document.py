"""The HTML of every page comes with the style sheet, so that nothing moves when Streamlit has started."""

import re
import tomllib
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse

from lmc_core.figures.palette import THEMES, contrast
from pages._frame import style
from pages._frame.document import ROUTES, WITHOUT_SIDEBAR, document

ROOT = Path(__file__).parents[2]
PATHS = [route.path for route in ROUTES]


def answer(path: str, query: str = "") -> HTMLResponse:
    asked = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": []}
    return document(Request({**asked, "scheme": "http", "server": ("localhost", 80)}))


def page(path: str, query: str = "") -> str:
    return bytes(answer(path, query).body).decode()


def test_every_page_of_the_navigation_is_served_with_the_style_sheet() -> None:
    shell = (ROOT / "pages" / "_shell.py").read_text()
    named = {name for name in re.findall(r'here / "(\w+)\.py"', shell) if name != "explore"}
    assert set(PATHS) == {"/", *(f"/{name}" for name in named)}


@pytest.mark.parametrize("path", PATHS)
def test_the_style_sheet_stands_after_everything_that_streamlit_brings(path: str) -> None:
    before, sheet, after = re.split(r"(<style>.*</style>)", page(path), flags=re.DOTALL)
    assert style.CSS in sheet
    assert '<div id="root"></div>' in before
    assert re.fullmatch(r"</body>\s*</html>\s*", after)
    assert "<title>Mode Connectivity Explorer</title>" in before
    assert answer(path).headers["cache-control"] == "no-cache"


def test_the_place_of_the_sidebar_is_kept_where_there_will_be_one() -> None:
    assert {path.strip("/") for path in PATHS if style.BESIDE not in page(path)} == set(WITHOUT_SIDEBAR)


def test_an_embedded_page_has_no_sidebar_from_the_start() -> None:
    assert style.EMBEDDED in page("/run", "id=0&embed=true")
    assert style.BESIDE not in page("/run", "id=0&embed=true")
    assert style.EMBEDDED not in page("/run", "id=0")


@pytest.mark.parametrize("name", THEMES)
def test_small_words_can_be_read_on_the_page_in_the_sidebar_and_on_a_field(name: str) -> None:
    themes = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
    theme, page = THEMES[name], themes[name]
    for ground in (page["backgroundColor"], page["secondaryBackgroundColor"], page["sidebar"]["backgroundColor"]):
        for ink in (theme.grey.text, theme.a.text, theme.b.text):
            assert ink in style.READABLE
            assert contrast(ink, ground) >= 4.5
        assert contrast(mixed(page["textColor"], ground, style.FADED), ground) >= 4.5


def mixed(one: str, other: str, share: float) -> str:
    """So much of one #RRGGBB over the other."""
    pairs = [(int(one[k : k + 2], 16), int(other[k : k + 2], 16)) for k in (1, 3, 5)]
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02X}" for a, b in pairs)


@pytest.mark.parametrize("name", ["model_picker.py", "fuse_form.py", "method_form.py", "controls.py", "pair_form.py"])
def test_a_label_of_a_control_is_words_since_a_screen_reader_spells_mark_up(name: str) -> None:
    written = (ROOT / "pages" / "_frame" / name).read_text()
    assert not re.search(r'"[^"\n]*:(?:blue|violet|gray)\[', written)
