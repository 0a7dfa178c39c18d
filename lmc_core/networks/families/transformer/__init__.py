"""Transformer encoders."""

from lmc_core.networks.families._family import Family

FAMILY = Family(
    name="transformer",
    title="Transformer encoder",
    brief="transformer",
    phrase="a transformer encoder",
    module="Transformer",
    attends=True,
    images=True,
)
