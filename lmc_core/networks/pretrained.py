"""Networks in folders as the Hugging Face Hub has them: a description of the module, and its tensors beside it.

`transformers` and `timm` build the module, where they are installed (requirements-hub.txt). Only their own classes are
made: code that lies in a folder is never run, and tensors are read from .safetensors alone.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import shutil
import warnings
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from lmc_core.errors import CheckpointError
from lmc_core.networks.network import Network, network
from lmc_core.networks.original import remembered, restored, widened
from lmc_core.networks.safety.limits import HEADER_BYTES, parse_json, plain
from lmc_core.networks.values import Normalize, NormalizeLike, read_normalize

CONFIG = "config.json"
INSTALL = "pip install -r requirements-hub.txt"
BESIDE = ("*.json", "*.txt", "*.model", "*.safetensors")
"""What is fetched from the Hub: descriptions, vocabularies and tensors, and no code."""

_HUB = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}(@[\w./-]{1,100})?")
_STEPS, _SEEN = 8, 64
"""Tokens of an example, and the most pixels along its sides where the description does not say how many."""


def described(path: str | os.PathLike[str]) -> str | None:
    """The package that builds the network in a folder, "transformers" or "timm"; None for any other path."""
    about = _about(Path(path)) if Path(path).is_dir() else None
    if about is None:
        return None
    if isinstance(about.get("model_type"), str):
        return "transformers"
    return "timm" if isinstance(about.get("architecture"), str) else None


def installed(package: str) -> bool:
    """Whether a package is here."""
    return find_spec(package) is not None


def opened(path: str | os.PathLike[str], *, normalize: NormalizeLike | None = None) -> Network:
    """The network in a folder with a description, in single precision at least, with an example that fits it.

    normalize   instead of what the description says

    Raises CheckpointError if the package is not installed, knows no such network, or its tensors do not fit.
    """
    folder, package = Path(path), described(path)
    if package is None:
        raise CheckpointError(f"{plain(folder)} holds no {CONFIG} that says which network it is")
    if not installed(package):
        raise CheckpointError(
            f"{plain(folder)} says in its {CONFIG} that {package} builds it, which is not installed: {INSTALL}"
        )
    with _quietly():
        try:
            module, example, scale = _MAKERS[package](folder)
        except CheckpointError:
            raise
        except Exception as error:
            first = next(iter(str(error).splitlines()), type(error).__name__)
            raise CheckpointError(
                f"{package} cannot build the network in {plain(folder)} ({plain(first, 200)})"
            ) from error
        types = widened(module.state_dict())
        if types:
            module.float()
        names = remembered(module, module)
        made = network(module, example, held=isinstance(example, Mapping), source=str(folder))
    chosen = read_normalize(normalize) if normalize is not None else scale
    about = {**names, "folder": str(folder), **({"types": types} if types else {})}
    return Network(made.module, made.state, made.example_inputs, normalize=chosen, source=made.source, metadata=about)


def save_folder(moved: Network, folder: str | os.PathLike[str]) -> None:
    """A network that came from a folder as one of the same form: its numbers, and what else lay beside them.

    Raises CheckpointError for a network that came from elsewhere.
    """
    source = moved.metadata.get("folder")
    package = described(source) if source else None
    if source is None or package is None:
        raise CheckpointError("only a network that was read from a folder with a description is written as one")
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for file in Path(source).iterdir():
        if file.suffix in (".json", ".txt", ".model") and not file.name.endswith(".index.json"):
            shutil.copyfile(file, target / file.name)
    with _quietly():
        module, _, _ = _MAKERS[package](Path(source))
        module.load_state_dict(restored(moved.state, moved.metadata), strict=True)
        if package == "transformers":
            module.save_pretrained(target)
        else:
            import_module("safetensors.torch").save_model(module, str(target / "model.safetensors"))


def fetched(name: str) -> Path | None:
    """The folder of a network on the Hub, owner/name or owner/name@revision, fetched if it is not kept here already.

    None for anything that is no such name, or where the Hub's package is not installed. Raises CheckpointError if the
    Hub does not give it.
    """
    if not _HUB.fullmatch(name) or ".." in name or not installed("huggingface_hub"):
        return None
    owner, _, revision = name.partition("@")
    try:
        found = import_module("huggingface_hub").snapshot_download(
            owner, revision=revision or None, allow_patterns=list(BESIDE)
        )
    except Exception as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise CheckpointError(
            f"there is no file {plain(name)!r}, and the Hugging Face Hub did not give it ({plain(first, 160)})"
        ) from error
    return Path(found)


def _about(folder: Path) -> Mapping[str, Any] | None:
    file = folder / CONFIG
    if not file.is_file() or file.stat().st_size > HEADER_BYTES:
        return None
    about = parse_json(file.read_bytes(), CONFIG)
    return about if isinstance(about, dict) else None


Made = tuple[Any, Any, Normalize | None]
"""A module, an example of its inputs, and how these are scaled."""


def _by_transformers(folder: Path) -> Made:
    package = import_module("transformers")
    about = _about(folder) or {}
    named = next(iter(about.get("architectures") or ()), "")
    base = package.PreTrainedModel
    found: Any = getattr(package, named, None) if re.fullmatch(r"\w+", str(named)) else None
    kind: Any = found if isinstance(found, type) and issubclass(found, base) else package.AutoModel
    module = kind.from_pretrained(str(folder), local_files_only=True, use_safetensors=True, dtype="auto")
    module.config.use_cache = False  # keys and values of earlier steps, which are no output of one call
    return module.eval(), _example(module), None


def _by_timm(folder: Path) -> Made:
    package = import_module("timm")
    about = _about(folder) or {}
    pretrained = about.get("pretrained_cfg") or about
    given = about.get("model_args") or {}
    classes = {"num_classes": about["num_classes"]} if "num_classes" in about else {}
    module = package.create_model(str(about["architecture"]), **{**classes, **given})
    file = folder / "model.safetensors"
    if not file.is_file():
        raise CheckpointError(f"{plain(folder)} holds no {file.name}, the only file that tensors are read from here")
    import_module("safetensors.torch").load_model(module, str(file))
    example = torch.randn(2, *map(int, pretrained["input_size"]), generator=_chance())
    mean, std = pretrained.get("mean"), pretrained.get("std")
    return module.eval(), example, read_normalize((mean, std)) if mean and std else None


_MAKERS = {"transformers": _by_transformers, "timm": _by_timm}


def _example(module: Any) -> Any:
    """Inputs of the kind that a module says it reads. Raises CheckpointError where nothing says their shape."""
    config, name = module.config, module.main_input_name
    if name == "input_ids":
        tokens = torch.randint(0, int(config.get_text_config().vocab_size), (2, _STEPS), generator=_chance())
        if not config.is_encoder_decoder:
            return tokens
        return {"input_ids": tokens, "decoder_input_ids": tokens[:, : _STEPS - 3].clone()}
    if name == "pixel_values":
        sides = getattr(config, "image_size", _SEEN)
        height, width = (sides, sides) if isinstance(sides, int) else tuple(sides)
        return torch.randn(2, getattr(config, "num_channels", 3), height, width, generator=_chance())
    raise CheckpointError(
        f"{type(module).__name__} reads {name!r}, of which its description does not say the shape; load it yourself, "
        "and give lmc.network(module, example)"
    )


def _chance() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without progress bars and warnings of the packages."""
    level = logging.root.manager.disable
    logging.disable(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logging.disable(level)
