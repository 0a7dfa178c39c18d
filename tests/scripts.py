"""Pages run as scripts, without a browser."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[1]


def opened(page: str = "", **query: str) -> AppTest:
    """A page after its first run, which must not have failed."""
    at = AppTest.from_file(str(ROOT / "pages" / "_shell.py"), default_timeout=60)
    if page:
        at.switch_page(page)
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception, at.exception
    return at


def heading(at: AppTest) -> str:
    return next(str(text.value) for text in at.markdown if text.value.startswith("## "))


def texts(at: AppTest) -> str:
    return "\n".join(str(element.value) for kind in (at.markdown, at.caption, at.info) for element in kind)
