"""Scripts of Streamlit that a page with a figure needs, asked for while it starts.

Streamlit asks for a script when the first element of its kind arrives: for that of figures, by far the largest, last.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from pages._frame.static import FOLDER

SCRIPTS = FOLDER / "js"
LIBRARY = "PlotlyChart"  # with plotly.js in it
WIDGETS = ("Selectbox", "NumberInput", "Checkbox", "Button", "ButtonGroup")
ELEMENTS = ("BidiComponent", "Html", *WIDGETS, "Metric", LIBRARY)
"""What stands above the tabs of Explore, in its order: names of scripts, without what changes with their content."""
HEAD = 32_768  # characters of a script in which its imports stand
IMPORTED = re.compile(r'(?:from|import)"\./([\w.-]+\.js)"')
RUN = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


def links(page: str) -> str:
    """Elements that ask for the scripts which `page`, the HTML of Streamlit, does not ask for itself, and run the
    largest once there is a heading to read."""
    wanted = dict.fromkeys(name for element in ELEMENTS for name in needed(element) if name not in page)
    of_figures = next(SCRIPTS.glob(f"{LIBRARY}.*.js"), None)
    asked = "".join(
        f'<link rel="modulepreload" crossorigin fetchpriority="low" href="./static/js/{name}"'
        f"{' data-figures' if of_figures and name == of_figures.name else ''}>"
        for name in wanted
    )
    return f"{asked}<script>{RUN}</script>" if of_figures else asked


def needed(element: str) -> Iterator[str]:
    """The script of an element, and all that it imports, each after what imports it."""
    waiting, seen = [file.name for file in SCRIPTS.glob(f"{element}.*.js")], set[str]()
    while waiting:
        name = waiting.pop(0)
        if name in seen or not (SCRIPTS / name).is_file():
            continue
        seen.add(name)
        yield name
        with (SCRIPTS / name).open(encoding="utf-8") as script:
            waiting += IMPORTED.findall(script.read(HEAD))
