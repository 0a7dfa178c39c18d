"""The runs behind a table of an experiment, and the numbers that are means over them."""

from collections.abc import Iterator
from typing import Any

import numpy as np


def unexplained(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows that no run counts in."""
    return [row for row in result["rows"] if not of(result, row)]


def means(result: dict[str, Any]) -> Iterator[tuple[float, float]]:
    """Every number of the table that runs have too, and its mean over the runs that count in the row."""
    measured = {column for run in result["runs"] for column in run["found"]}
    for row in result["rows"]:
        for column in measured & row.keys():
            values = [run["found"][column] for run in of(result, row) if run["found"].get(column) is not None]
            if values:
                yield row[column], float(np.mean(values))


def of(result: dict[str, Any], row: dict[str, Any]) -> list[dict[str, Any]]:
    """The runs that count in a row."""
    return [run for run in result["runs"] if run["row"].items() <= row.items()]
