"""Training from a recipe: the same recipe and seed give the same network."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lmc_core.data.dataset import Dataset
from lmc_core.data.registry import dataset
from lmc_core.errors import DataError, SettingError
from lmc_core.networks.families import build, example_inputs
from lmc_core.networks.network import Network, network
from lmc_core.networks.precision import full_float32
from lmc_core.networks.values import Architecture, Normalize
from lmc_core.paths.task import LOGITS, SEEN, Task
from lmc_core.report import Report, silent

_LECUN_CORRECTION = 0.87962566103423978  # standard deviation of a unit normal truncated at ±2


@dataclass(frozen=True)
class Recipe:
    """Everything a training run needs besides its seed.

    rate           learning rate after the warm-up
    warmup         steps from 1e-6 to `rate`
    schedule       after the warm-up: "cosine" or "linear" to 0, or "constant"
    init           "torch" (its own defaults) or "lecun" (truncated normal, variance 1 / fan-in, zero biases)
    augment        "none", "flip" (random mirror image), "flip-crop" (and a random shift by up to 4 pixels, zeros coming
                   in) or "shift" (the shift alone, the darkest value coming in)
    train_examples the first so many; None = all
    clip           largest norm of the gradient; None = any
    validation     share of these examples kept apart; the network of the epoch that does best on them is the result.
                   Which ones depends on validation_seed alone. 0 = train on all, and keep the last
    """

    title: str
    architecture: Architecture
    data: str
    optimiser: str
    rate: float
    epochs: int
    batch: int
    weight_decay: float = 0.0
    momentum: float = 0.9
    warmup: int = 0
    schedule: str = "cosine"
    init: str = "torch"
    augment: str = "none"
    train_examples: int | None = None
    clip: float | None = None
    validation: float = 0.0
    validation_seed: int = 0
    normalize: Normalize | None = None

    def as_json(self) -> dict[str, Any]:
        """For the metadata of the file; of validation only where there is any."""
        written = asdict(self)
        if not self.validation:
            del written["validation"], written["validation_seed"]
        written["architecture"] = {"family": self.architecture.family, "options": dict(self.architecture.options)}
        return written


def train(
    recipe: Recipe,
    seed: int,
    *,
    name: str = "",
    data: Dataset | None = None,
    start: Mapping[str, Tensor] | None = None,
    device: str | torch.device = "cpu",
    report: Report = silent,
) -> Network:
    """The trained network, on the CPU, with recipe, seed, data and accuracies in its metadata.

    name   of the recipe, for the metadata
    data   instead of the data set the recipe names
    start  where training starts, instead of weights that the seed decides

    Raises SettingError for a recipe that cannot be followed, DataError for data that does not fit, Cancelled.
    """
    check(recipe, seed)
    data = data or dataset(recipe.data)
    generator = torch.Generator().manual_seed(seed)
    module = initialised(recipe, generator)
    if start is not None:
        module.load_state_dict(start)
    check_fit(recipe, module, data)
    images = len(example_inputs(recipe.architecture)[0].shape) == 4
    layout = torch.channels_last if images else torch.contiguous_format  # a third less time for convolutions on a CPU
    before = preparation(recipe, module)  # makes a Network, and so sets evaluation mode
    nn.utils.convert_conv2d_weight_memory_format(module.to(device), layout).train()
    limit = recipe.train_examples
    x, y = before(torch.from_numpy(data.x_train[:limit]).to(device)), torch.from_numpy(data.y_train[:limit]).to(device)
    task = _task(recipe, module, data)
    x, y, best = _apart(recipe, x, y, task)
    darkest = float(x.min()) if recipe.augment == "shift" else 0.0
    epoch = math.ceil(len(y) / recipe.batch)
    steps = recipe.epochs * epoch
    optimiser = _optimiser(recipe, module)
    for step, indices in enumerate(batches(len(y), recipe, generator)):
        for group in optimiser.param_groups:
            group["lr"] = rate(recipe, step, steps)
        indices = indices.to(device)
        inputs = x[indices]
        if recipe.augment == "shift":
            inputs = shifted(inputs, generator, 4, fill=darkest)
        elif recipe.augment != "none":
            inputs = augmented(inputs, generator, shift=4 if recipe.augment == "flip-crop" else 0)
        rows = task.rows(task.logits(module(inputs.contiguous(memory_format=layout))), y[indices])
        loss = task.loss(rows, y[indices])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if recipe.clip is not None:
            nn.utils.clip_grad_norm_(module.parameters(), recipe.clip)
        optimiser.step()
        if step % 20 == 0:
            report("training", step, steps)
        if best and (step + 1) % epoch == 0:
            best.look(module, (step + 1) // epoch)
    report("training", steps, steps)
    if best:
        module.load_state_dict(best.state)
    nn.utils.convert_conv2d_weight_memory_format(module, torch.contiguous_format)
    more = {"validation": {"accuracy": best.accuracy, "epoch": best.epoch}} if best else {}
    return described(module, recipe, seed, data, before, x, y, name=name, task=task, more=more)


def described(
    module: nn.Module,
    recipe: Recipe,
    seed: int,
    data: Dataset,
    before: Callable[[Tensor], Tensor],
    x: Tensor,
    y: Tensor,
    *,
    name: str = "",
    task: Task = LOGITS,
    more: Mapping[str, Any] | None = None,
) -> Network:
    """A trained module as a network on the CPU, with what it scores in its metadata.

    before   how the network reads data
    x, y     training examples read so, on the device of the module
    """
    module.eval()
    device = x.device
    x_test, y_test = before(torch.from_numpy(data.x_test).to(device)), torch.from_numpy(data.y_test).to(device)
    scores = {"train": score(module, x, y, task=task), "test": score(module, x_test, y_test, task=task)}
    about = {
        "title": recipe.title,
        "recipe": {"name": name, **recipe.as_json()},
        "seed": seed,
        "data": data.name,
        "accuracy": {part: accuracy for part, (_, accuracy) in scores.items()},
        "loss": {part: loss for part, (loss, _) in scores.items()},
        **(more or {}),
    }
    return network(
        module.cpu(),
        example_inputs(recipe.architecture),
        architecture=recipe.architecture,
        normalize=recipe.normalize,
        source=f"training {name}, seed {seed}".replace(" ,", ","),
        metadata=about,
    )


def rate(recipe: Recipe, step: int, steps: int) -> float:
    """Learning rate of one step: linear warm-up from 1e-6, then decay to 0 at the last step (or constant)."""
    if step < recipe.warmup:
        return 1e-6 + (recipe.rate - 1e-6) * step / recipe.warmup
    if recipe.schedule == "constant":
        return recipe.rate
    share = (step - recipe.warmup) / max(1, steps - recipe.warmup)
    return recipe.rate * (1 - share if recipe.schedule == "linear" else 0.5 * (1 + math.cos(math.pi * share)))


@torch.no_grad()
@full_float32()
def score(
    module: Callable[[Tensor], Tensor], x: Tensor, y: Tensor, *, batch: int = 1000, task: Task = LOGITS
) -> tuple[float, float]:
    """Mean loss and accuracy of prepared inputs x (n, …) with targets y (n, …); `task` reads the outputs.

    Raises DataError if outputs and targets do not fit.
    """
    loss = torch.zeros((), dtype=torch.float64)
    right, count = 0, 0
    for start in range(0, len(y), batch):
        targets = y[start : start + batch]
        each, told = task.scores(task.rows(task.logits(module(x[start : start + batch])), targets), targets)
        loss += each.sum().double().cpu()
        right, count = right + int(told.sum()), count + len(each)
    return float(loss) / count, right / count


def augmented(images: Tensor, generator: torch.Generator, *, shift: int) -> Tensor:
    """Each image (b, c, h, w) mirrored with probability ½ and moved by up to `shift` pixels, zeros coming in."""
    flip = torch.rand(len(images), generator=generator).to(images.device) < 0.5
    images = torch.where(flip[:, None, None, None], images.flip(3), images)
    return shifted(images, generator, shift) if shift else images


def shifted(images: Tensor, generator: torch.Generator, shift: int, *, fill: float = 0.0) -> Tensor:
    """Each image (b, …, h, w) moved by up to `shift` pixels each way, `fill` coming in."""
    b, h, w = images.shape[0], *images.shape[-2:]
    down, right = torch.randint(0, 2 * shift + 1, (2, b, 1), generator=generator).to(images.device)
    padded = F.pad(images.reshape(b, -1, h, w), (shift,) * 4, value=fill).permute(0, 2, 3, 1)
    rows = torch.arange(h, device=images.device) + down
    columns = torch.arange(w, device=images.device) + right
    each = torch.arange(b, device=images.device)[:, None, None]
    return padded[each, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2).reshape(images.shape)


def lecun(module: nn.Module, generator: torch.Generator) -> None:
    """Weights from a normal truncated at ±2 deviations with variance 1 / fan-in, biases zero: flax's default."""
    for name, parameter in module.named_parameters():
        with torch.no_grad():
            if parameter.ndim >= 2:
                std = (1 / parameter[0].numel()) ** 0.5 / _LECUN_CORRECTION
                nn.init.trunc_normal_(parameter, 0.0, std, -2 * std, 2 * std, generator=generator)
            elif name.endswith("bias"):
                parameter.zero_()


class _Best:
    """The network of the epoch with the best accuracy on examples kept apart, the first of several."""

    def __init__(self, x: Tensor, y: Tensor, task: Task) -> None:
        self.x, self.y, self.task = x, y, task
        self.accuracy, self.epoch = -1.0, 0
        self.state: dict[str, Tensor] = {}

    def look(self, module: nn.Module, epoch: int) -> None:
        _, accuracy = score(module.eval(), self.x, self.y, task=self.task)
        module.train()
        if accuracy > self.accuracy:
            self.accuracy, self.epoch = accuracy, epoch
            self.state = {name: x.detach().clone() for name, x in module.state_dict().items()}


def _task(recipe: Recipe, module: nn.Module, data: Dataset) -> Task:
    """How outputs are read: as logits of classes, unless the targets are something else."""
    if data.y_train.ndim == 1 and np.issubdtype(data.y_train.dtype, np.integer) and data.task != "regression":
        return LOGITS
    net = network(module.eval(), example_inputs(recipe.architecture), normalize=recipe.normalize)
    device = next(module.parameters()).device
    few = torch.from_numpy(data.x_train[:SEEN]).to(device)
    found = Task.of(net, few, torch.from_numpy(data.y_train).to(device), data.task)
    module.train()
    return found


def _apart(recipe: Recipe, x: Tensor, y: Tensor, task: Task) -> tuple[Tensor, Tensor, _Best | None]:
    """The examples to train on, and the judge of the others if there are any."""
    if not recipe.validation:
        return x, y, None
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(recipe.validation_seed)).to(y.device)
    kept = max(1, round(recipe.validation * len(y)))
    return x[order[kept:]], y[order[kept:]], _Best(x[order[:kept]], y[order[:kept]], task)


def initialised(recipe: Recipe, generator: torch.Generator) -> nn.Module:
    """A module whose weights the generator decides."""
    with torch.random.fork_rng(devices=[]):  # torch's layers draw their weights from the global generator
        torch.manual_seed(int(torch.randint(2**31, (), generator=generator)))
        module = build(recipe.architecture)
    if recipe.init == "lecun":
        lecun(module, generator)
    return module


def preparation(recipe: Recipe, module: nn.Module) -> Callable[[Tensor], Tensor]:
    """How the network reads data, as a function."""
    return network(module, example_inputs(recipe.architecture), normalize=recipe.normalize).prepare


def batches(n: int, recipe: Recipe, generator: torch.Generator) -> Iterator[Tensor]:
    """Index batches; every epoch visits every example once, in a new order."""
    for _ in range(recipe.epochs):
        yield from torch.randperm(n, generator=generator).split(recipe.batch)


def _optimiser(recipe: Recipe, module: nn.Module) -> torch.optim.Optimizer:
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(
            module.parameters(), lr=recipe.rate, momentum=recipe.momentum, weight_decay=recipe.weight_decay
        )
    kind = torch.optim.AdamW if recipe.optimiser == "adamw" else torch.optim.Adam
    return kind(module.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay)


def check(recipe: Recipe, seed: int) -> None:
    """Raises SettingError for a recipe that cannot be followed."""
    if seed < 0:
        raise SettingError(f"seed={seed} is negative")
    allowed = {
        "optimiser": ("sgd", "adam", "adamw"),
        "schedule": ("cosine", "linear", "constant"),
        "init": ("torch", "lecun"),
        "augment": ("none", "flip", "flip-crop", "shift"),
    }
    for name, choices in allowed.items():
        if getattr(recipe, name) not in choices:
            raise SettingError(f"{name}={getattr(recipe, name)!r} is not one of {', '.join(choices)}")
    if not 0 <= recipe.validation < 1:
        raise SettingError(f"validation={recipe.validation} is not a share: 0 ≤ validation < 1")
    for name in ("rate", "epochs", "batch"):
        if getattr(recipe, name) <= 0:
            raise SettingError(f"{name}={getattr(recipe, name)} is not positive")


def check_fit(recipe: Recipe, module: nn.Module, data: Dataset) -> None:
    """The network reads examples of this size and knows all classes."""
    inputs = example_inputs(recipe.architecture)
    wanted = tuple(inputs[0].shape[1:])
    if math.prod(wanted) != math.prod(data.shape):
        raise DataError(f"examples of {data.name} have shape {data.shape}; this network reads {wanted}")
    numbers, given = inputs[0].is_floating_point(), np.issubdtype(data.x_train.dtype, np.floating)
    if numbers != given:
        kinds = {True: "numbers", False: "tokens (integers)"}
        raise DataError(f"{data.name} holds {kinds[given]}; this network reads {kinds[numbers]}")
    with torch.no_grad():
        classes = module.eval()(*inputs).shape[-1]
    if classes < len(data.classes):
        raise DataError(f"{data.name} has {len(data.classes)} classes; this network tells {classes} apart")
