"""A pair of transformers, matched by all that leaves their function as it is: what a visitor reads and takes away."""

import re
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Page, expect
from serving import ROOT
from visiting import COMPUTED, finding, opened

import lmc_core as lmc

pytestmark = pytest.mark.browser
PAIR = "/?a=digits-vit/seed0&b=digits-vit/seed1&data=digits&points=9"


def test_a_pair_of_transformers_is_matched_read_and_taken_home(page: Page, tmp_path: Path) -> None:
    page.goto(PAIR)
    page.get_by_role("button", name="Align and compare").click()
    expect(finding(page)).to_contain_text(re.compile("[Ff]ull-symmetry matching.*half-way"), timeout=COMPUTED)
    expect(page.locator(".js-plotly-plot .slider-group")).to_be_visible(timeout=COMPUTED)
    page.get_by_role("tab", name="Symmetry").click()
    expect(page.get_by_role("heading", name=re.compile("groups of units were found and verified"))).to_be_visible()
    expect(page.locator(".st-key-chain text").filter(has_text="rotations").first).to_be_visible()
    page.get_by_role("tab", name="Matching").click()
    expect(page.get_by_text("These units were rotated").first).to_be_visible()
    page.get_by_role("tab", name="Data").click()
    with page.expect_download(timeout=COMPUTED) as given:
        page.get_by_role("button", name=re.compile("Aligned B")).first.click()
    saved = tmp_path / given.value.suggested_filename
    given.value.save_as(saved)
    theirs = lmc.load(ROOT / "checkpoints" / "digits-vit" / "seed1.safetensors")
    aligned = lmc.load(saved)
    assert not torch.allclose(aligned.state["embed.weight"], theirs.state["embed.weight"])
    x = torch.rand(8, *theirs.example_inputs[0].shape[1:])
    plain, wanted = theirs.module, theirs(x)
    plain.load_state_dict(aligned.state, strict=True)
    torch.testing.assert_close(plain(x), wanted, rtol=1e-4, atol=1e-4)


def test_a_learned_run_says_whether_its_null_connects_too(page: Page) -> None:
    opened(page, PAIR.replace("points=9", "method=learned-matching"))
    expect(finding(page)).to_contain_text(re.compile("[Ll]earned matching"))
    expect(finding(page)).to_contain_text(re.compile("with a shuffled B the same learning"))
    expect(page.get_by_text(re.compile("Null test: half-way, on the"))).to_be_visible()
