"""`export package.module:factory`: a module of your own, with its weights, as a .pt2 program."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from lmc_core.commands.arguments import Answer, check_output, shape
from lmc_core.errors import CheckpointError, MismatchError, SettingError
from lmc_core.report import Report

if TYPE_CHECKING:
    from torch import Tensor, nn


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("factory", metavar="PACKAGE.MODULE:FACTORY", help="a class or function that makes the module")
    parser.add_argument("--weights", metavar="FILE", help="its state dict: .safetensors, .pt, .pth, .ckpt")
    parser.add_argument("--input", required=True, metavar="SHAPE", help="shape of one example: 1x28x28, or 16 tokens")
    parser.add_argument("--tokens", type=int, metavar="N", help="the input is whole numbers below N, not real numbers")
    parser.add_argument("--normalize", metavar="MEAN/STD", help="input normalisation that goes with the program")
    parser.add_argument("--out", required=True, metavar="FILE", help="where the program goes, .pt2")


def run(args: argparse.Namespace, report: Report) -> Answer:
    check_output(args.out, ".pt2")
    sizes = shape(args.input)
    report("making the module", 0, 0)
    import torch

    from lmc_core.networks.network import network
    from lmc_core.networks.values import read_normalize
    from lmc_core.symmetry.infer import symmetry

    torch.manual_seed(args.seed)
    module = _made(args.factory)
    if args.weights:
        _load(module, args.weights)
    generator = torch.Generator().manual_seed(args.seed)
    if args.tokens:
        inputs = torch.randint(args.tokens, (2, *sizes), generator=generator)
    else:
        dtype = next((p.dtype for p in module.parameters()), torch.float32)
        inputs = torch.randn(2, *sizes, generator=generator).to(dtype)
    made = network(module, inputs, normalize=read_normalize(args.normalize), source=args.factory)
    report("tracing", 0, 0)
    made.export(args.out)
    found = symmetry(made)
    groups = {name: group.size for name, group in found.groups.items()}
    answer = {
        "out": args.out,
        "parameters": made.parameters,
        "fingerprint": made.fingerprint,
        "input": list(sizes),
        "groups": groups,
        "verification_error": found.error,
        "unknown_ops": list(found.unknown_ops),
        "device": "cpu",
        "seed": args.seed,
    }
    known = ", ".join(f"{name} {size}" for name, size in groups.items()) or "none"
    text = f"{args.out}: {made.parameters:,} parameters\ngroups of interchangeable units: {known}"
    return Answer(answer, text)


def _made(text: str) -> nn.Module:
    """What the factory makes; modules beside the working directory are found."""
    from torch import nn

    name, colon, attribute = text.partition(":")
    if not colon or not name or not attribute:
        raise SettingError(f"{text!r} is not of the form package.module:factory")
    sys.path.insert(0, "")
    try:
        found: Any = import_module(name)
        for part in attribute.split("."):
            found = getattr(found, part)
        module = found() if callable(found) and not isinstance(found, nn.Module) else found
    except ImportError as error:
        raise SettingError(f"cannot import {name!r}: {error}") from None
    except AttributeError:
        raise SettingError(f"{name!r} has no {attribute!r}") from None
    except Exception as error:
        raise SettingError(f"{text} failed: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove("")
    if not isinstance(module, nn.Module):
        raise SettingError(f"{text} makes a {type(module).__name__}, not a torch.nn.Module")
    return module


def _load(module: nn.Module, path: str) -> None:
    """Put the file's numbers into the module, by name. Raises MismatchError naming the first that does not fit."""
    from lmc_core.networks.safety.sniff import sniff
    from lmc_core.networks.statedict import read

    kind = sniff(path)
    if kind == "program":
        raise CheckpointError(f"{path} is a program already; --weights takes a state dict")
    tensors: dict[str, Tensor] = read(path, kind).tensors
    own = module.state_dict()
    for name, tensor in own.items():
        if name not in tensors:
            if name.endswith("num_batches_tracked"):
                continue
            raise MismatchError(f"{path} lacks the tensor {name!r}, which the module has")
        if tensors[name].shape != tensor.shape:
            raise MismatchError(
                f"tensor {name!r} has shape {tuple(tensors[name].shape)} in {path}; "
                f"the module needs {tuple(tensor.shape)}"
            )
    extra = next((name for name in tensors if name not in own), None)
    if extra is not None:
        raise MismatchError(f"{path} holds the tensor {extra!r}, which the module does not have")
    module.load_state_dict(tensors, strict=False)
