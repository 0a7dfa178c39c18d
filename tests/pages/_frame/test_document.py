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
from pages._frame.navigation import TITLES

ROOT = Path(__file__).parents[3]
PLOTLY_GREY = "#808495"  # Streamlit's, for the titles of a figure on a light page
FADED = 0.75  # of the words around them, what captions keep
PATHS = [route.path for route in ROUTES]


def answer(path: str, query: str = "") -> HTMLResponse:
    asked = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": []}
    return document(Request({**asked, "scheme": "http", "server": ("localhost", 80)}))


def page(path: str, query: str = "") -> str:
    return bytes(answer(path, query).body).decode()


def test_every_page_of_the_navigation_is_served_with_the_style_sheet() -> None:
    written = {path.stem for path in (ROOT / "pages").glob("[!_]*.py")}
    assert written == set(TITLES)
    assert set(PATHS) == {"/", *(f"/{name}" for name in written - {"explore"})}


@pytest.mark.parametrize("path", PATHS)
def test_the_style_sheet_stands_after_everything_that_streamlit_brings(path: str) -> None:
    before, sheet, after = re.split(r"(<style>.*</style>)", page(path), flags=re.DOTALL)
    assert style.EVERY in sheet
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
            assert ink in style.EVERY
            assert contrast(ink, ground) >= 4.5
        assert contrast(mixed(page["textColor"], ground, FADED), ground) >= 4.5


def mixed(one: str, other: str, share: float) -> str:
    """So much of one #RRGGBB over the other."""
    pairs = [(int(one[k : k + 2], 16), int(other[k : k + 2], 16)) for k in (1, 3, 5)]
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02X}" for a, b in pairs)


def test_every_colour_of_the_style_sheet_is_of_the_palette() -> None:
    """A style sheet cannot read the palette; a colour as `rgb()` selects what plotly drew in it."""
    palette = {value for theme in THEMES.values() for value in re.findall(r"#[0-9A-F]{6}", repr(theme))}
    written = set(re.findall(r"#[0-9A-Fa-f]{6}", style.EVERY))
    assert written - {PLOTLY_GREY} <= palette
    triples = {tuple(map(int, found)) for found in re.findall(r"rgb\((\d+), (\d+), (\d+)\)", style.EVERY)}
    assert triples <= {tuple(int(colour[k : k + 2], 16) for k in (1, 3, 5)) for colour in written}
    assert f"currentColor {FADED:.0%}" in style.EVERY


@pytest.mark.parametrize("file", sorted((ROOT / "pages" / "_ask").glob("*.py")), ids=lambda file: file.stem)
def test_a_label_of_a_control_is_words_since_a_screen_reader_spells_mark_up(file: Path) -> None:
    controls = re.findall(
        r"(?:text_input|number_input|selectbox|multiselect|toggle|slider|number|choice)\([^)]*\)", file.read_text()
    )
    assert not [control for control in controls if re.search(r":(?:blue|violet|gray|green|orange)\[", control)]


def test_scripts_and_style_sheets_are_files_of_their_own() -> None:
    foreign = re.compile(r"export default|document\.querySelector|@media|=>")
    assert [file for file in (ROOT / "pages").rglob("*.py") if foreign.search(file.read_text())] == []
