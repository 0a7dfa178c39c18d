"""Networks that read sequences step by step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoo.making import TOKENS


class Recurrent(nn.Module):
    """An embedding, a recurrent kernel, the last step read by a linear layer."""

    def __init__(self, kind: type[nn.RNNBase], **options: bool | int) -> None:
        super().__init__()
        self.embed = nn.Embedding(TOKENS, 6)
        self.rnn = kind(6, 8, batch_first=True, **options)  # type: ignore[arg-type]
        self.fc = nn.Linear(16 if options.get("bidirectional") else 8, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.rnn(self.embed(x))[0][:, -1])


class HandLSTM(nn.Module):
    """The cell written out, unrolled over the steps."""

    def __init__(self) -> None:
        super().__init__()
        self.x, self.h, self.fc = nn.Linear(7, 32), nn.Linear(8, 32, bias=False), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(x.shape[0], 8)
        for step in range(x.shape[1]):
            i, f, g, o = (self.x(x[:, step]) + self.h(h)).chunk(4, dim=-1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        return self.fc(h)


class HandGRU(nn.Module):
    """The cell written out; gates taken by slices."""

    def __init__(self) -> None:
        super().__init__()
        self.x, self.h, self.fc = nn.Linear(7, 24), nn.Linear(8, 24), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(x.shape[0], 8, dtype=x.dtype)
        for step in range(x.shape[1]):
            a, b = self.x(x[:, step]), self.h(h)
            r = torch.sigmoid(a[:, :8] + b[:, :8])
            z = torch.sigmoid(a[:, 8:16] + b[:, 8:16])
            n = torch.tanh(a[:, 16:] + r * b[:, 16:])
            h = (1 - z) * n + z * h
        return self.fc(h)


class Cell(nn.Module):
    """Recurrent cells in a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.gru, self.fc = nn.LSTMCell(7, 6), nn.GRUCell(6, 5), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(x.shape[0], 6)
        g = x.new_zeros(x.shape[0], 5)
        for step in x.unbind(1):
            h, c = self.lstm(step, (h, c))
            g = self.gru(h, g)
        return self.fc(g)


class LearnedStart(nn.Module):
    """Two layers whose initial states are parameters, and whose last states are read."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(7, 6, num_layers=2, batch_first=True)
        self.h0, self.c0 = nn.Parameter(torch.randn(2, 1, 6)), nn.Parameter(torch.randn(2, 1, 6))
        self.fc = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        b = x.shape[0]
        _, (h, _) = self.rnn(x, (self.h0.expand(-1, b, -1).contiguous(), self.c0.expand(-1, b, -1).contiguous()))
        return self.fc(h[-1])


class LastState(nn.Module):
    """The last hidden states of both directions, not the sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(7, 6, num_layers=2, bidirectional=True)
        self.fc = nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        _, h = self.rnn(x.transpose(0, 1))
        return self.fc(torch.cat([h[-2], h[-1]], -1))
