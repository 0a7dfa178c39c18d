"""Architectures of segmentation-models-pytorch, x-transformers and diffusers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from benchmarks.models.architecture import Architecture

SEGMENTS: dict[str, dict[str, Any]] = {
    **{name: {} for name in ("Unet", "UnetPlusPlus", "MAnet", "Linknet", "FPN", "PSPNet", "DeepLabV3")},
    **{name: {} for name in ("DeepLabV3Plus", "UPerNet", "Segformer")},
    "PAN": {"side": 256},
    "DPT": {"side": 224, "encoder_name": "tu-vit_tiny_patch16_224", "decoder_intermediate_channels": (8, 8, 8, 8)},
}
ATTENDS: dict[str, dict[str, Any]] = {
    "Encoder": {},
    "Decoder": {},
    "PaLM": {"attn_one_kv_head": True, "use_simple_rmsnorm": True, "ff_no_bias": True},
    "LLaMA": {"use_rmsnorm": True, "ff_glu": True, "ff_swish": True, "rotary_pos_emb": True, "ff_no_bias": True},
    "ALiBi": {"alibi_pos_bias": True},
    "T5 bias": {"rel_pos_bias": True},
    "dynamic position bias": {"dynamic_pos_bias": True, "dynamic_pos_bias_log_distance": False},
    "grouped queries": {"attn_kv_heads": 2},
    "talking heads": {"attn_pre_talking_heads": True, "attn_post_talking_heads": True},
    "sandwich norm": {"sandwich_norm": True},
    "macaron": {"macaron": True},
    "gated residual": {"gate_residual": True},
    "scaled residual": {"scale_residual": True},
    "query key norm": {"attn_qk_norm": True, "attn_qk_norm_dim_scale": True},
    "memory keys": {"attn_num_mem_kv": 2},
    "gated values": {"attn_gate_values": True},
    "squared ReLU": {"ff_relu_squared": True},
    "dynamic tanh": {"use_dynamic_tanh": True},
    "scale norm": {"use_scalenorm": True},
    "shift tokens": {"shift_tokens": 1},
    "hyper-connections": {"num_residual_streams": 2},
}
"""Published variants: the switches of x-transformers by the names its README gives them."""


def architectures() -> Iterator[Architecture]:
    """Those of the three packages."""
    for name, sizes in SEGMENTS.items():
        yield Architecture("segmentation-models-pytorch", name, partial(_segments, name, sizes))
    for name, sizes in ATTENDS.items():
        yield Architecture("x-transformers", name, partial(_attends, name, sizes))
    yield Architecture("x-transformers", "ViTransformerWrapper", _attending_to_patches)
    yield Architecture("x-transformers", "ContinuousTransformerWrapper", _attending_to_numbers)
    yield Architecture("x-transformers", "XTransformer", _translating)
    for name, (sizes, inputs) in _denoisers().items():
        yield Architecture("diffusers", name, partial(_denoises, name, sizes, inputs))


def _segments(name: str, sizes: dict[str, Any]) -> tuple[Any, Any]:
    import segmentation_models_pytorch as smp
    import torch

    given = {"encoder_name": "tu-resnet10t", "encoder_weights": None, "classes": 3, **sizes}
    side = given.pop("side", 64)
    return getattr(smp, name)(**given), torch.randn(2, 3, side, side)


def _attends(name: str, switches: dict[str, Any]) -> tuple[Any, Any]:
    import torch
    from x_transformers import Decoder, Encoder, TransformerWrapper

    layers = (Encoder if name == "Encoder" else Decoder)(dim=32, depth=2, heads=4, attn_dim_head=8, **switches)
    return TransformerWrapper(num_tokens=40, max_seq_len=16, attn_layers=layers), torch.randint(0, 40, (2, 8))


def _attending_to_patches() -> tuple[Any, Any]:
    import torch
    from x_transformers import Encoder, ViTransformerWrapper

    layers = Encoder(dim=32, depth=2, heads=4, attn_dim_head=8)
    return ViTransformerWrapper(image_size=32, patch_size=8, num_classes=5, attn_layers=layers), torch.randn(
        2, 3, 32, 32
    )


def _attending_to_numbers() -> tuple[Any, Any]:
    import torch
    from x_transformers import ContinuousTransformerWrapper, Encoder

    layers = Encoder(dim=32, depth=2, heads=4, attn_dim_head=8)
    module = ContinuousTransformerWrapper(dim_in=6, dim_out=4, max_seq_len=16, attn_layers=layers)
    return module, torch.randn(2, 8, 6)


def _translating() -> tuple[Any, Any]:
    import torch
    from x_transformers import XTransformer

    sizes = {
        f"{side}_{key}": value
        for side in ("enc", "dec")
        for key, value in {"num_tokens": 40, "depth": 2, "heads": 4, "max_seq_len": 16}.items()
    }
    return XTransformer(dim=32, **sizes), (torch.randint(0, 40, (2, 8)), torch.randint(0, 40, (2, 6)))


def _denoises(name: str, sizes: dict[str, Any], inputs: dict[str, Any]) -> tuple[Any, Any]:
    import diffusers

    return getattr(diffusers, name)(**sizes), inputs


def _denoisers() -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Name → (sizes, example)."""
    import torch

    time = torch.tensor([3, 7])
    image = torch.randn(2, 3, 16, 16)
    latent = torch.randn(2, 4, 8, 8)
    words = torch.randn(2, 5, 16)
    two = {"block_out_channels": (8, 16), "norm_num_groups": 4}
    down, up = ("DownEncoderBlock2D",) * 2, ("UpDecoderBlock2D",) * 2
    coder = {**two, "down_block_types": down, "up_block_types": up, "latent_channels": 4}
    cross = {**two, "cross_attention_dim": 16, "attention_head_dim": 4, "layers_per_block": 1, "sample_size": 8}
    heads = {"num_attention_heads": 4, "attention_head_dim": 8, "num_layers": 2}
    return {
        "UNet1DModel": (
            {
                "sample_size": 256,
                "in_channels": 2,
                "out_channels": 2,
                "block_out_channels": (32, 32, 64),
                "extra_in_channels": 64,
            },
            {"sample": torch.randn(2, 2, 256), "timestep": time},
        ),
        "UNet2DModel": (
            {
                **two,
                "sample_size": 16,
                "layers_per_block": 1,
                "attention_head_dim": 4,
                "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
                "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
            },
            {"sample": image, "timestep": time},
        ),
        "UNet2DConditionModel": (
            {
                **cross,
                "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
                "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
            },
            {"sample": latent, "timestep": time, "encoder_hidden_states": words},
        ),
        "UNet3DConditionModel": (
            {
                **cross,
                "down_block_types": ("CrossAttnDownBlock3D", "DownBlock3D"),
                "up_block_types": ("UpBlock3D", "CrossAttnUpBlock3D"),
            },
            {"sample": torch.randn(2, 4, 3, 8, 8), "timestep": time, "encoder_hidden_states": words},
        ),
        "ControlNetModel": (
            {
                **two,
                "cross_attention_dim": 16,
                "attention_head_dim": 4,
                "layers_per_block": 1,
                "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
                "conditioning_embedding_out_channels": (8, 8),
            },
            {
                "sample": latent,
                "timestep": time,
                "encoder_hidden_states": words,
                "controlnet_cond": torch.randn(2, 3, 16, 16),
            },
        ),
        "AutoencoderKL": (coder, {"sample": image}),
        "AsymmetricAutoencoderKL": (
            {
                "down_block_types": down,
                "up_block_types": up,
                "down_block_out_channels": (8, 16),
                "up_block_out_channels": (8, 16),
                "norm_num_groups": 4,
            },
            {"sample": image},
        ),
        "AutoencoderTiny": (
            {
                "encoder_block_out_channels": (8, 8),
                "decoder_block_out_channels": (8, 8),
                "num_encoder_blocks": (1, 1),
                "num_decoder_blocks": (1, 1),
            },
            {"sample": image},
        ),
        "AutoencoderDC": (
            {
                "latent_channels": 4,
                "attention_head_dim": 4,
                "encoder_block_types": ("ResBlock", "EfficientViTBlock"),
                "decoder_block_types": ("ResBlock", "EfficientViTBlock"),
                "encoder_block_out_channels": (8, 16),
                "decoder_block_out_channels": (8, 16),
                "encoder_layers_per_block": (1, 1),
                "decoder_layers_per_block": (1, 1),
                "encoder_qkv_multiscales": ((), (5,)),
                "decoder_qkv_multiscales": ((), (5,)),
            },
            {"sample": image},
        ),
        "VQModel": ({**coder, "num_vq_embeddings": 16}, {"sample": image}),
        "DiTTransformer2DModel": (
            {**heads, "in_channels": 4, "sample_size": 8, "num_embeds_ada_norm": 10},
            {"hidden_states": latent, "timestep": time, "class_labels": torch.tensor([1, 4])},
        ),
        "Transformer2DModel": (
            {**heads, "in_channels": 4, "sample_size": 8, "norm_num_groups": 2, "cross_attention_dim": 16},
            {"hidden_states": latent, "encoder_hidden_states": words},
        ),
        "PixArtTransformer2DModel": (
            {**heads, "in_channels": 4, "sample_size": 8, "caption_channels": 16, "cross_attention_dim": 32},
            {
                "hidden_states": latent,
                "encoder_hidden_states": words,
                "timestep": time,
                "added_cond_kwargs": {"resolution": None, "aspect_ratio": None},
            },
        ),
        "SD3Transformer2DModel": (
            {
                **heads,
                "sample_size": 8,
                "in_channels": 4,
                "out_channels": 4,
                "joint_attention_dim": 16,
                "caption_projection_dim": 32,
                "pooled_projection_dim": 16,
                "pos_embed_max_size": 8,
            },
            {
                "hidden_states": latent,
                "encoder_hidden_states": words,
                "pooled_projections": torch.randn(2, 16),
                "timestep": time,
            },
        ),
        "FluxTransformer2DModel": (
            {
                **heads,
                "in_channels": 4,
                "num_single_layers": 1,
                "joint_attention_dim": 16,
                "pooled_projection_dim": 16,
                "axes_dims_rope": (2, 2, 4),
            },
            {
                "hidden_states": torch.randn(2, 9, 4),
                "encoder_hidden_states": words,
                "timestep": torch.tensor([0.3, 0.7]),
                "pooled_projections": torch.randn(2, 16),
                "img_ids": torch.randn(9, 3),
                "txt_ids": torch.zeros(5, 3),
            },
        ),
        "PriorTransformer": (
            {**heads, "embedding_dim": 16, "num_embeddings": 5},
            {
                "hidden_states": torch.randn(2, 16),
                "timestep": time,
                "proj_embedding": torch.randn(2, 16),
                "encoder_hidden_states": words,
            },
        ),
        "SanaTransformer2DModel": (
            {
                "in_channels": 4,
                "out_channels": 4,
                "num_attention_heads": 4,
                "attention_head_dim": 8,
                "num_layers": 2,
                "num_cross_attention_heads": 4,
                "cross_attention_head_dim": 8,
                "cross_attention_dim": 32,
                "caption_channels": 16,
                "sample_size": 8,
            },
            {"hidden_states": latent, "encoder_hidden_states": words, "timestep": time},
        ),
        "WanTransformer3DModel": (
            {
                **heads,
                "in_channels": 4,
                "out_channels": 4,
                "text_dim": 16,
                "freq_dim": 16,
                "ffn_dim": 48,
                "rope_max_seq_len": 32,
            },
            {"hidden_states": torch.randn(2, 4, 2, 8, 8), "timestep": time, "encoder_hidden_states": words},
        ),
    }
