"""Laws of outputs: whatever form predictions come in, they score the same."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lmc_core.data.dataset import Dataset
from lmc_core.diagnostics.gap import function_gap
from lmc_core.errors import DataError
from lmc_core.fusion.after import calibrate
from lmc_core.networks.network import Network, network
from lmc_core.paths.evaluate import evaluate
from lmc_core.paths.loss import TaskLoss
from lmc_core.paths.path import LinearPath
from lmc_core.training.finetune import measure

Form = Callable[[Tensor, Tensor], Any]
"""Logits (b, classes) and hidden units (b, hidden) → what a module returns."""


class Returned:
    """An output object that torch knows nothing of."""

    def __init__(self, **parts: Tensor) -> None:
        vars(self).update(parts)


class Net(nn.Module):
    """One hidden layer, whose predictions come in some form."""

    def __init__(self, form: Form, classes: int) -> None:
        super().__init__()
        self.a, self.b, self.form = nn.Linear(6, 8), nn.Linear(8, classes), form

    def forward(self, x: Tensor) -> Any:
        h = torch.tanh(self.a(x))
        return self.form(4 * self.b(h), h)


def _data(classes: int) -> Dataset:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 6)).astype(np.float32)
    y = rng.integers(0, classes, 60)
    return Dataset("sixty", x[:40], y[:40], x[40:], y[40:], tuple(map(str, range(classes))))


def _pair(form: Form, classes: int) -> tuple[Network, Network]:
    made = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        made.append(network(Net(form, classes), torch.randn(2, 6)))
    return made[0], made[1]


FORMS: dict[str, tuple[Form, str]] = {
    "log-probabilities": (lambda y, h: y.log_softmax(-1), ""),
    "a list of one": (lambda y, h: [y], ""),
    "probabilities": (lambda y, h: y.softmax(-1), "probabilities"),
    "logits and features": (lambda y, h: (y, h), "number 1"),
    "features and logits": (lambda y, h: (h, y), "number 2"),
    "a dict": (lambda y, h: {"features": h, "logits": y}, "'logits'"),
    "the name decides": (lambda y, h: {"other": y.flip(-1), "logits": y}, "'logits'"),
    "nested probabilities": (lambda y, h: {"all": [h, {"p": y.softmax(-1)}]}, "'p'"),
}


@pytest.mark.parametrize("form", FORMS)
def test_predictions_in_any_form_score_as_their_logits(form: str) -> None:
    data, (how, told) = _data(3), FORMS[form]
    plain, asked = (evaluate(LinearPath(*_pair(f, 3)), data, points=3) for f in (lambda y, h: y, how))
    for metric in ("loss", "accuracy"):
        for split in ("train", "test"):
            np.testing.assert_allclose(asked.values[split][metric], plain.values[split][metric], rtol=1e-4)
    assert not plain.notes
    assert (told in " ".join(asked.notes)) if told else not asked.notes


@pytest.mark.parametrize("probability", [False, True])
@pytest.mark.parametrize("flat", [False, True])
def test_one_output_is_the_second_of_two_classes(probability: bool, flat: bool) -> None:
    def one(y: Tensor, h: Tensor) -> Tensor:
        z = (y[:, 1:] - y[:, :1]) * 1.0
        z = z.sigmoid() if probability else z
        return z[:, 0] if flat else z

    data = _data(2)
    plain, asked = (evaluate(LinearPath(*_pair(f, 2)), data, points=2) for f in (lambda y, h: y, one))
    np.testing.assert_allclose(asked.loss(), plain.loss(), rtol=1e-3)
    np.testing.assert_allclose(asked.accuracy(), plain.accuracy())
    assert ("probability" if probability else "logit") in " ".join(asked.notes)
    with pytest.raises(DataError, match=r"tells two apart; if they are numbers .* task=regression"):
        evaluate(LinearPath(*_pair(one, 2)), _data(3), points=2)


def test_every_measure_reads_outputs_in_the_same_way() -> None:
    data = _data(3)
    plain, asked = _pair(lambda y, h: y, 3), _pair(lambda y, h: y.softmax(-1), 3)
    for ours, theirs in zip(asked, plain, strict=True):
        assert measure(ours, data)["test"]["loss"] == pytest.approx(measure(theirs, data)["test"]["loss"], rel=1e-4)
        losses = [TaskLoss(net, data, batch=10) for net in (ours, theirs)]
        one, two = (
            float(loss.mean(net.state, loss.fixed(2))) for loss, net in zip(losses, (ours, theirs), strict=True)
        )
        assert one == pytest.approx(two, rel=1e-4)
        assert calibrate(ours, data)[1] == pytest.approx(calibrate(theirs, data)[1], rel=1e-2)
    several = _pair(lambda y, h: (h, y), 3)
    gaps = [function_gap(*pair, data, points=3) for pair in (plain, several)]
    np.testing.assert_allclose(gaps[1].gap, gaps[0].gap, rtol=1e-4)
