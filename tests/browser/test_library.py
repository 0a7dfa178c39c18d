"""A visitor brings a network of their own: from the file to its badge, and on to Explore."""

import re
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Page, expect
from safetensors.torch import load_file
from serving import ROOT

pytestmark = pytest.mark.browser
READ = 120_000  # ms for a file on a busy machine


def test_a_checkpoint_is_dropped_recognised_verified_and_explored(page: Page, tmp_path: Path) -> None:
    tensors = load_file(ROOT / "checkpoints" / "digits-mlp-32" / "seed1.safetensors")
    path = tmp_path / "my network.pth"
    torch.save({"epoch": 3, "state_dict": {f"module.{name}": tensor for name, tensor in tensors.items()}}, path)

    page.goto("/library")
    expect(page.get_by_role("heading", level=2)).to_have_text("Networks and data")
    page.locator("input[type=file]").first.set_input_files(path)
    expect(page.get_by_text(re.compile(r"verified to \d\.\d × 10"))).to_be_visible(timeout=READ)
    expect(page.get_by_text(re.compile(r"9\d\.\d% on Digits"))).to_be_visible()
    expect(page.get_by_text("private", exact=True)).to_be_visible()
    page.get_by_text("Assumptions (").click()
    expect(page.get_by_role("textbox", name="Activation")).to_have_value("relu")

    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("public", exact=True)).to_be_visible()
    page.get_by_role("link", name="Explore with it").click()
    expect(page).to_have_url(re.compile(r"[?&]a=[0-9a-f]{16}"))
    expect(page.get_by_role("combobox", name=re.compile("Model A"))).to_have_value(re.compile("my network"))


def test_what_an_upload_takes_is_told_in_whole_on_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/library")
    hint = page.get_by_test_id("stFileUploaderDropzoneInstructions").first
    expect(hint).to_contain_text("PT2")
    cut = "box => [box, ...box.querySelectorAll('*')].some((part) => part.scrollWidth > part.clientWidth + 1)"
    assert not hint.evaluate(cut)
