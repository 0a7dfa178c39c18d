"""Multilayer perceptrons."""

from lmc_core.networks.families._family import Family

FAMILY = Family(
    name="mlp",
    title="Multilayer perceptron",
    brief="MLP",
    phrase="a multilayer perceptron",
    module="MLP",
    widths=("one", "each"),
)
