"""Recurrent classifiers: RNN, LSTM or GRU over the steps of a sequence, then linear layers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from lmc_core.networks.families._layers import ACTIVATIONS
from lmc_core.networks.families._options import DEEPEST, option

CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


@dataclass(frozen=True)
class Options:
    """Steps in order of time (rows of an image, words of a sentence); the classes are read off the hidden states."""

    features: int = option("numbers per step (columns of an image), or the size of the embedding")
    hidden: int = option("hidden units per direction", 128)
    classes: int = option("number of classes", 10)
    cell: str = option("kind of recurrence", "lstm", choices=tuple(CELLS))
    layers: int = option("recurrent layers on top of each other", 1, high=DEEPEST)
    bidirectional: bool = option("a second recurrence backwards in time", False)
    bias: bool = option("biases in the recurrence", True)
    nonlinearity: str = option("of a plain RNN", "tanh", choices=("tanh", "relu"))
    steps: int = option("length of the example sequence; any other length works too", 28)
    vocabulary: int = option("number of tokens of an embedding before the recurrence; 0 = steps are numbers", 0, low=0)
    read: str = option(
        "what the linear layers read: the output of the last step, the final state of both directions, the mean",
        "last",
        choices=("last", "final", "mean"),
    )
    fc: tuple[int, ...] = option("widths of hidden linear layers after the recurrence", ())
    fc_bias: bool = option("biases in the linear layers", True)
    activation: str = option("between linear layers", "relu", choices=tuple(ACTIVATIONS))


class Recurrent(nn.Module):
    """x (b, steps, features) or tokens (b, steps) → logits (b, classes): embedding, rnn.*, fc1 …"""

    def __init__(self, o: Options):
        super().__init__()
        if o.vocabulary:
            self.embedding = nn.Embedding(o.vocabulary, o.features)
        extra = {"nonlinearity": o.nonlinearity} if o.cell == "rnn" else {}
        self.rnn = CELLS[o.cell](
            o.features,
            o.hidden,
            o.layers,
            bias=o.bias,
            batch_first=True,
            bidirectional=o.bidirectional,
            **extra,
        )
        widths = (o.hidden * (2 if o.bidirectional else 1), *o.fc, o.classes)
        for i, (n, m) in enumerate(pairwise(widths), 1):
            self.add_module(f"fc{i}", nn.Linear(n, m, bias=o.fc_bias))
        self.linear = len(widths) - 1
        self.activation = ACTIVATIONS[o.activation]
        self.read = o.read
        self.bidirectional = o.bidirectional
        self.tokens = bool(o.vocabulary)

    def forward(self, x: Tensor) -> Tensor:
        outputs, _ = self.rnn(self.embedding(x) if self.tokens else x)
        if self.read == "mean":
            x = outputs.mean(1)
        elif self.read == "final" and self.bidirectional:
            forward, backward = outputs.chunk(2, dim=2)
            x = torch.cat([forward[:, -1], backward[:, 0]], dim=1)
        else:
            x = outputs[:, -1]
        for i in range(1, self.linear + 1):
            x = self.get_submodule(f"fc{i}")(x)
            x = self.activation(x) if i < self.linear else x
        return x


def example(o: Options) -> tuple[tuple[int, ...], int]:
    """Shape of one example, and of how many tokens it chooses; 0 = it is made of numbers."""
    return ((o.steps,) if o.vocabulary else (o.steps, o.features)), o.vocabulary
