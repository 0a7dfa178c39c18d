"""Recurrent classifiers."""

from lmc_core.networks.families._family import Family

FAMILY = Family(
    name="recurrent",
    title="Recurrent network",
    brief="recurrent",
    phrase="a recurrent classifier",
    module="Recurrent",
    widths=("one", "each"),
)
