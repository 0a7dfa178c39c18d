"""Small pictures: letters stand beside their dots, and on no line."""

import re
from itertools import combinations

import numpy as np
import pytest

from lmc_core.figures.palette import THEMES
from lmc_core.figures.sketch import LETTER, Box, Curve, Dot, Sketch, beside, thumbnail_svg

BOX = Box(0, 0, 200, 100)
MIDDLE = (100.0, 50.0)
WAYS = {"right": (1, 0), "left": (-1, 0), "up": (0, -1), "down": (0, 1), "up right": (1, -1), "down left": (-1, 1)}


def distance(place: tuple[float, float], end: tuple[float, float]) -> float:
    """Of a place from the line between the middle and an end."""
    a, p = np.array(end) - MIDDLE, np.array(place) - MIDDLE
    share = np.clip(p @ a / (a @ a), 0, 1)
    return float(np.linalg.norm(p - share * a))


@pytest.mark.parametrize(("one", "other"), [*combinations(WAYS, 2)])
def test_a_letter_stands_beside_its_dot_and_on_none_of_the_lines_that_meet_there(one: str, other: str) -> None:
    ends = [(100 + 40 * right, 50 + 40 * down) for right, down in (WAYS[one], WAYS[other])]
    place = beside(MIDDLE, [[MIDDLE, end] for end in ends], BOX, LETTER)
    assert np.hypot(*np.subtract(place, MIDDLE)) < 2 * LETTER
    assert min(distance(place, end) for end in ends) > LETTER / 2


def test_a_letter_at_the_edge_of_a_picture_stays_in_it_and_one_without_a_free_side_is_still_written() -> None:
    assert beside((195.0, 50.0), [], BOX, LETTER)[0] < 195
    assert beside((100.0, 4.0), [], BOX, LETTER)[1] > 4
    star = [[MIDDLE, (100 + 90 * np.cos(angle), 50 + 90 * np.sin(angle))] for angle in np.arange(0, 2 * np.pi, 0.2)]
    assert beside(MIDDLE, star, BOX, LETTER) == (100 + LETTER, 50 - 0.75 * LETTER)


def test_a_thumbnail_writes_a_letter_where_the_line_of_its_dot_does_not_run() -> None:
    ink = THEMES["light"].a
    sketch = Sketch("", (Curve([0.5, 0.9], [0.5, 0.9], ink.mark),), (Dot(0.5, 0.5, ink, letter="A"),))
    ((x, y),) = re.findall(r'<text x="([\d.]+)" y="([\d.]+)"', thumbnail_svg(sketch))
    assert float(x) < 160
    assert float(y) < 75
