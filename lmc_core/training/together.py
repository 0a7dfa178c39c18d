"""Several fully connected networks trained at once as one stack: a card then works as long as for one of them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from lmc_core.data.dataset import Dataset
from lmc_core.errors import SettingError
from lmc_core.networks.families import family
from lmc_core.networks.network import Network
from lmc_core.report import Report, silent
from lmc_core.training.train import Recipe, batches, check, check_fit, described, initialised, preparation, rate

BETAS, EPSILON = (0.9, 0.999), 1e-8
"""Of Adam, as torch has them."""


def stackable(recipe: Recipe) -> bool:
    """Whether networks of this recipe can be trained as a stack."""
    plain = recipe.augment == "none" and recipe.clip is None and not recipe.validation
    layers = family(recipe.architecture.family).chain and recipe.architecture.options.get("norm", "none") != "bn"
    return plain and layers and recipe.optimiser in ("sgd", "adam")


def alike(recipe: Recipe) -> Recipe:
    """What networks of one stack share: everything but the title and the learning rate."""
    return replace(recipe, title="", rate=1.0)


def train_together(
    plan: Sequence[tuple[Recipe, int]], *, data: Dataset, device: str | torch.device = "cpu", report: Report = silent
) -> list[Network]:
    """The networks that `train` gives for each recipe and seed, up to rounding: every one has its own start, its own
    order of the examples and its own learning rate.

    plan   recipes that differ in title and rate only, with seeds

    Raises SettingError for recipes that cannot share a stack, DataError for data that does not fit.
    """
    recipe = plan[0][0]
    if not stackable(recipe) or len({str(alike(each).as_json()) for each, _ in plan}) > 1:
        raise SettingError(
            f"{len(plan)} recipes cannot be trained as one stack: only fully connected networks of one shape without "
            "BatchNorm can, by sgd or adam without augmentation, clipping and validation; train them one by one"
        )
    for each, seed in plan:
        check(each, seed)
    generators = [torch.Generator().manual_seed(seed) for _, seed in plan]
    modules = [initialised(recipe, generator) for generator in generators]
    check_fit(recipe, modules[0], data)
    before = preparation(recipe, modules[0])
    limit = recipe.train_examples
    x, y = (torch.from_numpy(part[:limit]).to(device) for part in (data.x_train, data.y_train))
    x = before(x)
    states = [module.to(device).state_dict() for module in modules]
    stack = {name: torch.stack([state[name] for state in states]) for name in states[0]}
    gradient: Callable[..., Mapping[str, Tensor]] = vmap(grad(_loss(modules[0])))
    rule = _Sgd(recipe, stack) if recipe.optimiser == "sgd" else _Adam(recipe, stack)
    steps = recipe.epochs * -(-len(y) // recipe.batch)
    orders = (batches(len(y), recipe, generator) for generator in generators)
    for step, rows in enumerate(zip(*orders, strict=True)):
        indices = torch.stack(rows).to(device, non_blocking=True)
        rates = torch.tensor([rate(each, step, steps) for each, _ in plan])
        rule.step(stack, gradient(stack, x[indices], y[indices]), rates.to(device, non_blocking=True))
        if step % 20 == 0:
            report("training", step, steps)
    report("training", steps, steps)
    found = []
    for number, (module, (each, seed)) in enumerate(zip(modules, plan, strict=True)):
        module.load_state_dict({name: tensor[number] for name, tensor in stack.items()})
        found.append(described(module, each, seed, data, before, x, y))
    return found


def _loss(module: nn.Module) -> Callable[..., Tensor]:
    """(parameters, inputs, classes) → the loss of one network of the stack."""
    base = copy.deepcopy(module).to("meta").train()

    def loss(parameters: Mapping[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(functional_call(base, dict(parameters), (x,)), y)

    return loss


class _Sgd:
    """torch's SGD with momentum, a rate for every network."""

    def __init__(self, recipe: Recipe, stack: Mapping[str, Tensor]) -> None:
        self.recipe = recipe
        self.velocity = {name: torch.zeros_like(tensor) for name, tensor in stack.items()}

    def step(self, stack: Mapping[str, Tensor], gradient: Mapping[str, Tensor], rates: Tensor) -> None:
        for name, tensor in stack.items():
            decayed = gradient[name].add(tensor, alpha=self.recipe.weight_decay)
            self.velocity[name].mul_(self.recipe.momentum).add_(decayed)
            tensor.addcmul_(self.velocity[name], _each(rates, tensor), value=-1)


class _Adam:
    """torch's Adam, a rate for every network."""

    def __init__(self, recipe: Recipe, stack: Mapping[str, Tensor]) -> None:
        self.recipe, self.steps = recipe, 0
        self.first = {name: torch.zeros_like(tensor) for name, tensor in stack.items()}
        self.second = {name: torch.zeros_like(tensor) for name, tensor in stack.items()}

    def step(self, stack: Mapping[str, Tensor], gradient: Mapping[str, Tensor], rates: Tensor) -> None:
        self.steps += 1
        unbiased = [1 - beta**self.steps for beta in BETAS]
        for name, tensor in stack.items():
            decayed = gradient[name].add(tensor, alpha=self.recipe.weight_decay)
            self.first[name].lerp_(decayed, 1 - BETAS[0])
            self.second[name].mul_(BETAS[1]).addcmul_(decayed, decayed, value=1 - BETAS[1])
            length = (self.second[name] / unbiased[1]).sqrt_().add_(EPSILON)
            tensor.addcmul_(self.first[name] / length, _each(rates, tensor), value=-1 / unbiased[0])


def _each(rates: Tensor, tensor: Tensor) -> Tensor:
    """(networks,) shaped for a tensor (networks, …)."""
    return rates.reshape(-1, *[1] * (tensor.ndim - 1))
