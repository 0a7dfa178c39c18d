"""Multilayer perceptrons."""

from lmc_core.networks.families._family import Family

FAMILY = Family(
    name="mlp",
    title="Multilayer perceptron",
    brief="MLP",
    phrase="a multilayer perceptron",
    module="MLP",
    widths=("one", "each"),
    chain=True,
    unlike=r"(?<![a-z])(hh|h2h|xh|x2h|i2h|rnn\d*|lstm\d*|gru\d*|recurrent|hidden_hidden)(?![a-z])",
)
"""A recurrence of one gate has the shapes of an MLP."""
