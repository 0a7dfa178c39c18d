"""docs/experiments.md: written from the results beside it, and none left out."""

import importlib.util
import json
import re
from pathlib import Path

import behind
import pytest

from lmc_core.training.reproduce import EXPERIMENTS

DOCS = Path(__file__).parent.parent / "docs"
RESULTS = sorted(DOCS.glob("experiments/*.json"))


def script():
    """docs/experiments.py as a module."""
    spec = importlib.util.spec_from_file_location("experiments_page", DOCS / "experiments.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_its_script_writes():
    assert (DOCS / "experiments.md").read_text() == script().page()


def test_every_recorded_experiment_is_explained():
    assert {file.stem for file in RESULTS} <= set(script().READING) <= set(EXPERIMENTS)


@pytest.mark.parametrize("file", RESULTS, ids=lambda file: file.stem)
def test_a_recorded_result_names_a_command_and_no_machine(file):
    text = file.read_text()
    result = json.loads(text)
    assert result["command"].startswith(f"python -m lmc_core reproduce {file.stem}")
    assert result["rows"]
    assert not re.search(r'"(/|[A-Z]:)', text)


@pytest.mark.parametrize("file", [f for f in RESULTS if f.stem != "residual-toy"], ids=lambda file: file.stem)
def test_every_mean_of_a_table_is_that_of_the_recorded_numbers(file):
    """Nothing was typed: the single numbers behind a mean are in the file."""
    result = json.loads(file.read_text())
    parts = ("accuracies", "losses", "dimensions", "scores", "curves")
    means = [sum(values) / len(values) for part in parts for values in lists(result.get(part, {}))]
    y = result["chart"]["y"]
    known = [row for row in result["rows"] if row["method"] != "the networks themselves"]
    told = [row[y] if row.get("slope") is None else row["slope"] for row in known]
    assert all(min(abs(value - mean) for mean in means) < 1e-9 for value in told)


@pytest.mark.parametrize("file", [f for f in RESULTS if f.stem != "residual-toy"], ids=lambda file: file.stem)
def test_every_recorded_row_of_a_method_has_its_runs_and_is_their_mean(file):
    result = json.loads(file.read_text())
    assert {row["method"] for row in behind.unexplained(result)} <= {"the networks themselves"}
    found = list(behind.means(result))
    assert [told for told, _ in found] == pytest.approx([mean for _, mean in found], rel=1e-6, abs=1e-9)


def lists(value):
    """All lists of numbers within."""
    if isinstance(value, dict):
        for item in value.values():
            yield from lists(item)
    elif not isinstance(value, list) or not value:
        return
    elif isinstance(value[0], list):
        for item in value:
            yield from lists(item)
    elif isinstance(value[0], dict):
        for key in value[0]:
            yield from lists([item[key] for item in value if key in item])
    elif isinstance(value[0], (int, float)):
        yield value
