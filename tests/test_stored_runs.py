"""A home that an earlier version wrote, with a run of every kind: everything in it still opens.

`python -m benchmarks stored` made it; expected.json in it says what that version's web API answered.
"""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.recorded import differences
from benchmarks.stored import told
from lmc_core import runs
from lmc_core.errors import RunError
from lmc_core.runs import Request, keep
from lmc_core.runs.kinds.path import PathResult
from lmc_core.runs.library import models as library
from lmc_core.runs.summary import summary
from lmc_core.words.path import LATER

STORED = Path(__file__).parent / "golden" / "store_v2.tar.gz"
KINDS = {"path", "fuse", "compare", "plane", "theory", "width", "projection", "inspect", "data", "bundle"}
RELATIVE = 1e-6

with tarfile.open(STORED) as packed:
    EXPECTED: dict[str, dict[str, Any]] = json.load(packed.extractfile("expected.json"))  # type: ignore[arg-type]

RUNS = pytest.mark.parametrize(
    "run", EXPECTED, ids=[f"{told['kind']}-{told['state']}-{run[:4]}" for run, told in EXPECTED.items()]
)


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("stored")
    with tarfile.open(STORED) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)  # since Python 3.11.4
        archive.extractall(folder)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LMC_DATA", "LMC_CHECKPOINTS", "LMC_STORE", "LMC_DATABASE_URL", "LMC_ENGINE"):
            patch.delenv(name, raising=False)
        patch.setenv("LMC_HOME", str(folder))
        yield folder
        keep.opened().index.close()


def test_the_home_holds_every_kind_and_every_end_of_a_run() -> None:
    assert {told["kind"] for told in EXPECTED.values()} == KINDS
    assert {told["state"] for told in EXPECTED.values()} == {"done", "failed", "cancelled", "queued"}
    assert any(told["tags"] and told["listed"] for told in EXPECTED.values())
    assert any(told["kind"] == "path" and not told["listed"] for told in EXPECTED.values())


@RUNS
def test_a_stored_run_says_what_it_said_when_it_was_written(run: str) -> None:
    """State, title, finding, reason, owner, tags, who sees it, files, pictures, and every number of its result.

    What is said beside that since then, such as what a reading assumed, is no difference.
    """
    owner = EXPECTED[run]["owner"]
    changed = [one for one in differences(EXPECTED[run], told(run, owner), RELATIVE) if one[1] is not Ellipsis]
    assert changed == []


@RUNS
def test_a_request_of_then_has_the_same_id_now(run: str) -> None:
    asked = runs.request(run)
    assert asked.id == run
    assert Request.stored(asked.json).id == run
    if asked.kind not in ("inspect", "data", "bundle"):
        again = runs.bind(Request.parse(asked.json))
        assert again.options == asked.options
        if asked.version == again.version:
            assert again.id == run, "the same request made anew would be computed again"


@RUNS
def test_only_a_run_that_is_done_has_a_result(run: str) -> None:
    if EXPECTED[run]["state"] == "done":
        assert runs.result(run).finding == EXPECTED[run]["finding"]
        return
    with pytest.raises(RunError) as refusal:
        runs.result(run)
    assert EXPECTED[run]["reason"] in str(refusal.value)


def test_a_path_of_then_holds_its_layers_and_waits_for_none() -> None:
    found = [runs.result(run) for run, told in EXPECTED.items() if (told["kind"], told["state"]) == ("path", "done")]
    assert found
    for path in found:
        assert isinstance(path, PathResult)
        assert not path.later
        assert set(path.layers) == set(path.matching) == {group for group, _ in path.clouds}
        assert LATER not in summary("path", path).notes


def test_pictures_of_then_are_pictures() -> None:
    shown = [told["pictures"] for told in EXPECTED.values() if told.get("pictures")]
    assert len(shown) >= 6
    for pictures in shown:
        assert pictures["thumbnail.svg"] == "<svg"
        assert pictures["card.png"] == "\x89PNG"


def test_a_private_network_of_then_is_seen_by_its_owner_and_opens() -> None:
    model = next(t["model"] for t in EXPECTED.values() if t["kind"] == "inspect" and t["owner"] == "ann" and t["model"])
    assert model in {card.id for card in library.models("ann")}
    assert model not in {card.id for card in library.models()}
    with library.weights(library.card(model)) as file:
        from lmc_core import load

        assert load(file).fingerprint == library.card(model).fingerprint
