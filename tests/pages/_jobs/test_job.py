"""How a run on its way is said."""

import pytest

from pages._jobs import job


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (42.4, "42 s"), (59.9, "1 min 00 s"), (185, "3 min 05 s")]
)
def test_durations_are_read_at_a_glance(seconds: float, said: str) -> None:
    assert job.seconds(seconds) == said
