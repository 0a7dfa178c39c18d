"""A host that asks for a login: everybody may look, only who has logged in may upload and start runs."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import scripts
from asking import path_request
from results import a_result
from streamlit.testing.v1 import AppTest

from lmc_core import runs
from lmc_core.errors import SettingError
from lmc_core.runs import keep
from lmc_core.runs.library import models as library
from lmc_core.runs.settings import settings

ROOT = Path(__file__).parents[3]
ANN = {"is_logged_in": True, "iss": "https://issuer", "sub": "1", "email": "ann@example.com", "name": "Ann"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A machine without an engine whose host set LMC_LOGIN=required."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LMC_STORE", "LMC_DATABASE_URL", "LMC_CHECKPOINTS", "LMC_DATA"):
            patch.delenv(name, raising=False)
        patch.setenv("LMC_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("LMC_LOGIN", "required")
        yield
        keep.opened().index.close()


def opened(page: str = "", user: dict[str, object] | None = None, **query: str) -> AppTest:
    return scripts.opened(page, user=user or {"is_logged_in": False}, **query)


def labels(at: AppTest) -> list[str]:
    return [button.label for button in at.button]


def test_a_stranger_may_look_at_a_stored_run(home: None) -> None:
    request = path_request("digits-mlp-128/seed0", "digits-mlp-128/seed1", method="weight-matching")
    keep.opened().store.save(request.id, replace(a_result(), finding="It falls."))
    runs.submit(request)
    assert opened("run.py", id=request.id).metric
    assert opened("gallery.py").get("image")


def test_a_stranger_is_offered_the_login_instead_of_a_run_or_an_upload(home: None) -> None:
    at = opened()
    assert "Align and compare" not in labels(at)
    assert "Log in" in labels(at)
    assert not at.get("file_uploader")
    for page in ("library.py", "gallery.py"):
        at = opened(page)
        assert "Log in" in labels(at)
        assert not at.get("file_uploader")


def test_who_has_logged_in_starts_a_run_that_belongs_to_the_account(home: None) -> None:
    at = opened(user=ANN, seed="5")
    assert "Log in" not in labels(at)
    at.get_by_key("go").click().run()
    assert not at.exception
    (run,) = at.session_state["started"]
    assert runs.status(run).state == "queued"
    assert "visitor" not in at.session_state
    assert runs.owned(run, account(ANN))
    assert runs.cancel(run, account(ANN))


def test_what_an_account_uploads_is_its_own_in_every_session_and_nobody_elses(home: None) -> None:
    at = opened("library.py", user=ANN)
    at.get("file_uploader")[0].upload("mine.npz.pth", b"PK\x03\x04", "application/octet-stream").run()
    (run,) = at.session_state["model-files:noted"]
    (inspection,) = [now.id for now in runs.recent(kind="inspect", owner=account(ANN))]
    assert inspection == run
    assert runs.recent(kind="inspect", owner=account({**ANN, "sub": "2"})) == []
    assert library.own(account(ANN)) == set()
    assert "Log out Ann" in labels(opened("library.py", user=ANN))


def account(user: dict[str, object]) -> str:
    """The name under which a user's things are kept."""

    def page() -> None:
        import streamlit as st

        from pages._jobs import visitor

        st.text(visitor.name())

    at = AppTest.from_function(page)
    at.user = user
    (text,) = at.run().text
    assert str(user["email"]) not in text.value
    return str(text.value)


def test_a_request_that_comes_past_the_missing_button_is_not_queued(home: None) -> None:
    def page() -> None:
        from lmc_core import runs
        from pages._jobs import incoming, job

        request = runs.Request.of("path", a="digits-mlp-128/seed0", b="digits-mlp-128/seed1", seed=77)
        assert not job.submit(request)
        incoming.hand_over(incoming.Slot("slot"), "a file", lambda: request)

    at = AppTest.from_function(page)
    at.user = {"is_logged_in": False}
    at.run()
    assert not at.exception, at.exception
    assert "Log in first" in at.session_state["slot:noted"]["refused a file"]
    request = path_request("digits-mlp-128/seed0", "digits-mlp-128/seed1", seed=77)
    assert keep.opened().index.status(request.id) is None


def test_without_the_setting_nobody_is_asked(home: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LMC_LOGIN")
    at = opened()
    assert "Align and compare" in labels(at)
    assert "Log in" not in labels(at)


def test_a_word_that_is_no_setting_is_refused() -> None:
    with pytest.raises(SettingError, match="LMC_LOGIN='maybe'"):
        settings({"LMC_LOGIN": "maybe"})


@pytest.mark.parametrize(
    ("page", "button"),
    [("landscape.py", "Measure the plane"), ("theory.py", "Measure"), ("compare.py", "Compare the methods")],
)
def test_a_stranger_may_see_the_default_of_every_page_and_start_nothing_else(
    home: None, page: str, button: str
) -> None:
    at = opened(page)
    assert button not in labels(at)
    assert "Log in" in labels(at)
    assert any("Waiting for the worker" in str(text.value) for text in at.markdown), "the host's own default"
    runs.cancel(runs.recent(1, kind=("plane", "theory", "compare"), state="queued")[0].id)
    assert button in labels(opened(page, ANN))


def test_a_login_that_the_host_has_not_set_up_is_said_in_a_sentence(
    home: None, caplog: pytest.LogCaptureFixture
) -> None:
    at = opened()
    next(button for button in at.button if button.label == "Log in").click().run()
    assert not at.exception
    assert "has not set up the login" in at.toast[0].value
    assert "docs/deploy.md" in caplog.text
