"""Folders of the Hugging Face Hub: read by their description, aligned, and written back as such a folder."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

import lmc_core as lmc
from lmc_core.cli import main
from lmc_core.errors import CheckpointError
from lmc_core.networks import checkpoint, pretrained
from lmc_core.networks.outputs import relative_error

SIZES: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}


def _classifier(hub: Any) -> Any:
    return hub.BertForSequenceClassification(hub.BertConfig(vocab_size=64, num_labels=3, **SIZES))


def _language_model(hub: Any) -> Any:
    tied = hub.GPT2Config(vocab_size=64, n_embd=32, n_layer=2, n_head=4, n_positions=32)
    return hub.GPT2LMHeadModel(tied).to(torch.bfloat16)


def _experts(hub: Any) -> Any:
    return hub.MixtralForCausalLM(hub.MixtralConfig(vocab_size=64, num_local_experts=4, num_key_value_heads=2, **SIZES))


def _translator(hub: Any) -> Any:
    small = {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 1, "num_heads": 4, "decoder_start_token_id": 0}
    return hub.T5ForConditionalGeneration(hub.T5Config(vocab_size=64, **small))


def _images(hub: Any) -> Any:
    return hub.ViTForImageClassification(hub.ViTConfig(image_size=32, patch_size=8, num_labels=10, **SIZES))


KINDS: dict[str, Callable[[Any], Any]] = {
    "classifier": _classifier,
    "language model, tied, in half precision": _language_model,
    "mixture of experts": _experts,
    "translator": _translator,
    "images": _images,
}


def made(kind: str, folder: Path, seed: int) -> Any:
    """A module with random weights, and its folder: in several parts, with a vocabulary beside it."""
    hub = pytest.importorskip("transformers")
    torch.manual_seed(seed)
    module = KINDS[kind](hub).eval()
    module.save_pretrained(folder, max_shard_size="60KB")
    (folder / "vocab.txt").write_text("word\n")
    return module


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_is_read_aligned_and_written_as_the_network_it_was(kind: str, tmp_path: Path) -> None:
    """What its owner's package reads of the new folder computes what the old one did, and is in the same type."""
    modules = [made(kind, tmp_path / name, seed) for seed, name in enumerate("ab")]
    a, b = (lmc.load(tmp_path / name) for name in "ab")
    module, inputs = modules[1], b.example_inputs
    names = ("input_ids", "decoder_input_ids") if len(inputs) == 2 else (module.main_input_name,)
    half = module.dtype is torch.bfloat16
    theirs = module(**dict(zip(names, inputs, strict=True))).logits.detach()
    assert relative_error(theirs.float(), b(*inputs).logits) < (0.05 if half else 1e-5)
    moved = lmc.align(a, b, "weight-matching").transport(b)
    assert any(not torch.equal(moved.state[name], x) for name, x in b.state.items())
    pretrained.save_folder(moved, tmp_path / "moved")
    again = type(module).from_pretrained(tmp_path / "moved").eval()
    assert again.dtype is module.dtype
    assert again.state_dict().keys() == module.state_dict().keys()
    ours = again(**dict(zip(names, inputs, strict=True))).logits.detach()
    assert relative_error(theirs.float(), ours.float()) < (0.05 if half else 1e-5)
    assert (tmp_path / "moved" / "vocab.txt").read_text() == "word\n"


def test_a_folder_of_an_image_package_says_how_its_inputs_are_scaled(tmp_path: Path) -> None:
    from benchmarks.models.absent import without_torchvision

    without_torchvision()
    timm = pytest.importorskip("timm")
    module = timm.create_model("test_resnet", num_classes=7).eval()
    about = {"architecture": "test_resnet", "num_classes": 7, "pretrained_cfg": {"input_size": [3, 32, 32]}}
    about["pretrained_cfg"] |= {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.2, 0.1]}
    (tmp_path / "config.json").write_text(json.dumps(about))
    save_file(module.state_dict(), tmp_path / "model.safetensors")
    network = lmc.load(tmp_path)
    assert network.normalize is not None
    assert network.normalize.mean == (0.5, 0.4, 0.3)
    assert relative_error(module(*network.example_inputs).detach(), network(*network.example_inputs)) < 1e-5
    pretrained.save_folder(network, tmp_path / "again")
    assert torch.equal(lmc.load(tmp_path / "again")(*network.example_inputs), network(*network.example_inputs))


def test_the_command_writes_a_recipe_that_merges_the_aligned_folder(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    for seed, name in enumerate("ab"):
        made("language model, tied, in half precision", tmp_path / name, seed)
    where = [str(tmp_path / name) for name in "ab"]
    assert main(["mergekit", *where, "--out", str(tmp_path / "out"), "--merge", "slerp", "--weight", "0.25"]) == 0
    recipe = yaml.safe_load((tmp_path / "out" / "merge.yaml").read_text())
    assert recipe["merge_method"] == "slerp"
    assert recipe["parameters"] == {"t": 0.25}
    assert [entry["model"] for entry in recipe["models"]] == [where[0], str(tmp_path / "out" / "aligned")]
    assert recipe["dtype"] == "bfloat16"
    before, after = lmc.load(tmp_path / "b"), lmc.load(tmp_path / "out" / "aligned")
    assert relative_error(before(*before.example_inputs).logits, after(*before.example_inputs).logits) < 0.05


def test_a_name_on_the_hub_is_the_folder_that_was_fetched_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the Hub's own cache: no network is needed for what was fetched before."""
    pytest.importorskip("huggingface_hub")
    commit = "0" * 40
    kept = tmp_path / "models--somebody--small"
    made("images", kept / "snapshots" / commit, 0)
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert pretrained.fetched("somebody/small") == kept / "snapshots" / commit
    assert len(lmc.symmetry(lmc.load("somebody/small")).groups) > 4
    with pytest.raises(CheckpointError, match="the Hugging Face Hub did not give it"):
        lmc.load("somebody/absent")


def test_what_is_no_folder_of_the_hub_is_refused_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "unheard-of"}))
    assert pretrained.described(tmp_path) == "transformers"
    monkeypatch.setattr(pretrained, "installed", lambda package: False)
    monkeypatch.setattr(checkpoint, "installed", lambda package: False)
    with pytest.raises(CheckpointError, match=r"which is not installed: pip install -r requirements-hub\.txt"):
        pretrained.opened(tmp_path)
    with pytest.raises(CheckpointError, match=r"holds no network.*transformers would build it"):
        lmc.load(tmp_path)
    monkeypatch.undo()
    pytest.importorskip("transformers")
    with pytest.raises(CheckpointError, match="transformers cannot build the network"):
        lmc.load(tmp_path)


def test_code_in_a_folder_is_never_run(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    mark = tmp_path / "mark"
    (tmp_path / "modeling.py").write_text(f"open({str(mark)!r}, 'w')\n")
    about = {"model_type": "own", "auto_map": {"AutoConfig": "modeling.Config", "AutoModel": "modeling.Model"}}
    (tmp_path / "config.json").write_text(json.dumps(about))
    with pytest.raises(CheckpointError):
        lmc.load(tmp_path)
    assert not mark.exists()


def test_a_network_from_elsewhere_is_not_written_as_a_folder(tmp_path: Path) -> None:
    network = lmc.network(torch.nn.Linear(3, 2), torch.zeros(2, 3))
    with pytest.raises(CheckpointError, match="only a network that was read from a folder"):
        pretrained.save_folder(network, tmp_path / "out")
