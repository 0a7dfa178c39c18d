"""Convolutional networks."""

from lmc_core.networks.families._family import Family

FAMILY = Family(
    name="cnn",
    title="Convolutional network",
    brief="CNN",
    phrase="a chain of convolutions",
    module="CNN",
    widths=("each",),
    images=True,
)
