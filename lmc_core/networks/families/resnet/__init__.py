"""Residual networks."""

from lmc_core.networks.families._family import Family

FAMILY = Family(
    name="resnet",
    title="Residual network",
    brief="ResNet",
    phrase="a residual network",
    module="ResNet",
    widths=("one",),
    images=True,
)
