"""Architectures of timm: the smallest variant of every design, made smaller where its constructor takes sizes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from benchmarks.models.architecture import Architecture

VIT = {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 4}
FOUR = {"depths": (1, 1, 1, 1), "dims": (8, 16, 24, 32)}

PLAIN = (
    *("lambda_resnet26t", "gernet_s", "repvgg_a0"),
    *("mobileone_s0", "test_byobnet", "regnetz_b16", "cspresnet50", "cspdarknet53"),
    *("dla34", "dla46_c", "dpn48b", "mobilenetv2_035", "mnasnet_small", "spnasnet_100", "tinynet_e"),
    *("efficientnet_lite0", "test_efficientnet", "test_efficientnet_gn", "test_efficientnet_evos"),
    *("tf_efficientnetv2_b0", "efficientvit_b0", "fasternet_t0", "ghostnet_050", "ghostnetv2_100", "hgnet_tiny"),
    *("hgnetv2_b0", "hrnet_w18_small", "lcnet_035", "test_mambaout", "poolformer_s12", "poolformerv2_s12"),
    *("mobilenetv3_small_050", "hardcorenas_a", "fbnetc_100", "mobilenetv4_conv_small_035", "mobilevit_xxs"),
    *("mobilevitv2_050", "test_nfnet", "eca_nfnet_l0", "nf_regnet_b0", "nf_resnet26", "regnetx_002", "regnety_002"),
    *("repghostnet_050", "repvit_m0_9", "res2net50_14w_8s", "resnest14d", "test_resnet", "resnet10t", "resnet18"),
    *("seresnext26t_32x4d", "ecaresnet26t", "resnetblur50", "rexnet_100", "selecsls42", "legacy_seresnet18"),
    *("shvit_s1", "skresnet18", "starnet_s050", "swiftformer_xs", "ese_vovnet19b_slim", "xception41"),
    *("test_vit", "test_vit2", "test_vit4", "test_convnext", "test_convnext2", "test_convnext3"),
)
SIZED: dict[str, dict[str, Any]] = {
    "beit_base_patch16_224": VIT,
    "beitv2_base_patch16_224": VIT,
    "botnet26t_256": {"input": 256},
    "halonet26t": {"input": 256},
    "eca_botnext26ts_256": {"input": 256},
    "coat_lite_tiny": {"img_size": 64, "embed_dims": (32, 32, 32, 32), "serial_depths": (1, 1, 1, 1)},
    "test_vit3": {"input": 160},
    "cait_xxs24_224": VIT,
    "convit_tiny": {**VIT, "embed_dim": 8, "depth": 3, "local_up_to_layer": 2},
    "convmixer_768_32": {},
    "convnext_atto": FOUR,
    "convnextv2_atto": FOUR,
    "crossvit_tiny_240": {"embed_dim": [24, 48], "depth": [[1, 1, 0], [1, 1, 0]], "input": 240},
    "davit_tiny": {"depths": (1, 1, 1, 1), "embed_dims": (16, 16, 32, 32), "num_heads": (2, 2, 4, 4)},
    "deit_tiny_distilled_patch16_224": VIT,
    "deit3_small_patch16_224": VIT,
    "densenet121": {"growth_rate": 8, "block_config": (2, 2, 2)},
    "edgenext_xx_small": {"depths": (1, 1, 1, 1), "dims": (8, 16, 24, 32), "heads": (2, 2, 2, 2)},
    "efficientformer_l1": {"depths": (1, 1, 1, 2), "embed_dims": (8, 16, 24, 32), "num_vit": 1, "input": 224},
    "efficientformerv2_s0": {"depths": (1, 1, 1, 2), "embed_dims": (8, 16, 24, 32), "img_size": 64},
    "efficientvit_m0": {"img_size": 224, "input": 224},
    "efficientvim_m1": {},
    "eva02_tiny_patch14_224": VIT,
    "vit_small_patch16_rope_224": VIT,
    "fastvit_t8": {"layers": (1, 1, 1, 1)},
    "focalnet_tiny_srf": {},
    "gcvit_xxtiny": {"img_size": 64},
    "hiera_tiny_224": {"embed_dim": 16, "stages": (1, 1, 1, 1), "input": 224},
    "sam2_hiera_tiny": {"embed_dim": 16, "input": 224},
    "inception_next_atto": {"depths": (1, 1, 1, 1), "dims": (16, 24, 32, 40)},
    "inception_v3": {"input": 96},
    "levit_128s": {"input": 224, "depth": (1, 1, 1)},
    "coatnet_pico_rw_224": {"input": 64, "img_size": 64},
    "maxvit_pico_rw_256": {"input": 64, "img_size": 64},
    "caformer_s18": {},
    "convformer_s18": {},
    "mixer_s32_224": {"img_size": 64},
    "resmlp_12_224": {"img_size": 64},
    "gmlp_ti16_224": {"img_size": 64},
    "mvitv2_tiny": {"img_size": 64},
    "nest_tiny": {"img_size": 64},
    "nextvit_small": {},
    "pit_ti_224": {"input": 224},
    "pvt_v2_b0": {"depths": (1, 1, 1, 1), "embed_dims": (8, 16, 24, 32), "num_heads": (1, 2, 2, 4)},
    "rdnet_tiny": {
        "num_blocks_list": (1, 1, 1),
        "growth_rates": (16, 16, 16),
        "is_downsample_block": (None, True, True),
    },
    "resnetv2_50": {"layers": (1, 1, 1, 1)},
    "resnet50": {"layers": (1, 1, 1, 1)},
    "resnet50_gn": {"layers": (1, 1, 1, 1)},
    "sequencer2d_s": {"layers": (1, 1, 1, 1), "embed_dims": (16, 16, 32, 32), "hidden_sizes": (4, 4, 8, 8)},
    "swin_tiny_patch4_window7_224": {"img_size": 64, "depths": (1, 2, 1, 1), "embed_dim": 12, "window_size": 2},
    "swinv2_tiny_window8_256": {"img_size": 64, "depths": (1, 2, 1, 1), "embed_dim": 12, "window_size": 2},
    "swinv2_cr_tiny_224": {"img_size": 64, "depths": (1, 2, 1, 1), "embed_dim": 12, "window_size": 2},
    "tiny_vit_5m_224": {
        "embed_dims": (16, 16, 32, 32),
        "depths": (1, 1, 1, 1),
        "num_heads": (2, 2, 4, 4),
        "input": 224,
    },
    "tnt_s_patch16_224": {"img_size": 32, "embed_dim": 32, "depth": 2, "num_heads_outer": 4, "inner_dim": 8},
    "tresnet_m": {"layers": (1, 1, 1, 1)},
    "twins_pcpvt_small": {
        "img_size": 64,
        "depths": (1, 1, 1, 1),
        "embed_dims": (8, 16, 24, 32),
        "num_heads": (1, 2, 2, 4),
    },
    "twins_svt_small": {
        "img_size": 64,
        "depths": (1, 1, 1, 1),
        "embed_dims": (8, 16, 24, 32),
        "num_heads": (1, 2, 2, 4),
    },
    "visformer_tiny": {"img_size": 64, "embed_dim": 48, "depth": (1, 1, 1)},
    "vit_tiny_patch16_224": VIT,
    "vit_relpos_small_patch16_224": VIT,
    "vit_srelpos_small_patch16_224": VIT,
    "vit_base_patch16_siglip_224": VIT,
    "samvit_base_patch16": {**VIT, "global_attn_indexes": (1,), "window_size": 2, "img_size": 64, "input": 64},
    "vitamin_small_224": {"img_size": 64},
    "volo_d1_224": {"img_size": 64},
    "xcit_nano_12_p16_224": {"img_size": 64, "depth": 2, "embed_dim": 32},
    "naflexvit_base_patch16_gap": {"embed_dim": 32, "depth": 2, "num_heads": 4, "input": 64},
}


def architectures() -> Iterator[Architecture]:
    """Those of timm, with seven classes."""
    for name in PLAIN:
        yield Architecture("timm", name, partial(_build, name, {}))
    for name, sizes in SIZED.items():
        yield Architecture("timm", name, partial(_build, name, sizes))


def _build(name: str, sizes: dict[str, Any]) -> tuple[Any, Any]:
    import timm
    import torch

    side = sizes.get("input", sizes.get("img_size", 64))
    given = {key: value for key, value in sizes.items() if key != "input"}
    return timm.create_model(name, num_classes=7, **given), torch.randn(2, 3, side, side)
