"""Architectures of transformers: the base model of every design, with a configuration of a few dozen units."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from benchmarks.models.architecture import Architecture

SMALL: dict[str, Any] = {
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "dim", "word_embed_proj_dim", "emb_dim"), 32),
    **dict.fromkeys(("attention_hidden_size", "embedding_size", "pooler_output_size", "lru_width"), 32),
    **dict.fromkeys(("intermediate_size", "d_ff", "ffn_dim", "encoder_ffn_dim", "decoder_ffn_dim", "n_inner"), 48),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size", "hidden_dim"), 24),
    **dict.fromkeys(("num_hidden_layers", "num_layers", "n_layer", "n_layers", "encoder_layers", "decoder_layers"), 2),
    **dict.fromkeys(("num_decoder_layers", "num_encoder_layers"), 2),
    **dict.fromkeys(("num_attention_heads", "num_heads", "n_head", "n_heads", "encoder_attention_heads"), 4),
    **dict.fromkeys(("decoder_attention_heads",), 4),
    **dict.fromkeys(("num_key_value_heads", "num_kv_heads"), 2),
    **dict.fromkeys(("head_dim", "d_kv", "kv_channels", "d_head"), 8),
    **dict.fromkeys(("num_local_experts", "num_experts", "n_routed_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok", "moe_topk"), 2),
    **dict.fromkeys(("vocab_size", "entity_vocab_size"), 64),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "context_length", "max_seq_len", "n_ctx"), 64),
    **dict.fromkeys(("pad_token_id", "bos_token_id"), 1),
    **dict.fromkeys(("eos_token_id", "sep_token_id", "decoder_start_token_id"), 2),
    **dict.fromkeys(("image_size",), 32),
    **dict.fromkeys(("patch_size",), 8),
    "use_cache": False,
}
"""What a configuration is given of whatever it knows by these names."""

KEPT = object()
"""A size that a configuration keeps as it is."""

LATENT = {"q_lora_rank": 16, "kv_lora_rank": 16, "qk_nope_head_dim": 8, "qk_rope_head_dim": 8, "v_head_dim": 8}
ROUTED = {**LATENT, "n_group": 1, "topk_group": 1, "first_k_dense_replace": 1, "num_key_value_heads": 4}
STATE = {"num_heads": 8, "head_dim": 8, "state_size": 8, "n_groups": 1, "chunk_size": 4}
STAGES: dict[str, Any] = {
    "num_hidden_layers": KEPT,
    "depths": [1, 1, 1, 1],
    "hidden_sizes": [8, 16, 24, 32],
    "patch_size": KEPT,
    "num_stages": KEPT,
}
SWIN = {
    "depths": [1, 2],
    "num_heads": [2, 4],
    "num_layers": KEPT,
    "num_attention_heads": KEPT,
    "hidden_size": KEPT,
    "embed_dim": 16,
    "window_size": 2,
    "patch_size": 4,
}

READS_TEXT: dict[str, dict[str, Any]] = {
    **{
        name: {}
        for name in (
            *("albert", "apertus", "arcee", "bert", "bert-generation", "biogpt", "bitnet", "bloom", "camembert"),
            *("cohere", "cohere2", "convbert", "data2vec-text", "deberta", "deberta-v2", "diffllama", "distilbert"),
            *("electra", "ernie", "ernie4_5", "esm", "eurobert", "exaone4", "falcon", "flaubert", "fnet"),
            *("gemma", "gemma2", "glm", "glm4", "gpt2", "gpt_bigcode", "gpt_neox", "gpt_neox_japanese"),
            *("gptj", "granite", "granitemoe", "helium", "ibert", "jetmoe", "llama", "megatron-bert", "mistral"),
            *("mixtral", "modernbert", "mpnet", "nemotron", "olmo", "olmo2", "olmo3", "olmoe", "openai-gpt"),
            *("opt", "persimmon", "phi", "phi3", "phimoe", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe"),
            *("rembert", "roberta", "roberta-prelayernorm", "roformer", "seed_oss", "smollm3", "splinter"),
            *("stablelm", "starcoder2", "xglm", "xlm", "xlm-roberta", "xlm-roberta-xl", "gpt_oss", "hunyuan_v1_dense"),
            *("nystromformer", "longformer", "mra", "yoso", "ctrl", "layoutlm", "nomic_bert", "internlm3"),
        )
    },
    "canine": {"num_hash_buckets": 16, "local_attention_window": 4},
    "codegen": {"rotary_dim": 4},
    "ctrl": {"dff": 48},
    "deepseek_v2": ROUTED,
    "deepseek_v3": ROUTED,
    "dots1": {
        "num_key_value_heads": 4,
        "n_group": 1,
        "topk_group": 1,
        "first_k_dense_replace": 1,
        "n_shared_experts": 1,
    },
    "esmc": {"num_key_value_heads": 4},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]], "window_size": 4},
    "funnel": {
        "architectures": ["FunnelModel"],
        "num_hidden_layers": KEPT,
        "block_repeats": [1, 1],
        "block_sizes": [1, 1],
        "d_inner": 48,
    },
    "gptj": {"rotary_dim": 4},
    "gemma3_text": {},
    "longformer": {"attention_window": 4},
    "lfm2": {"layer_types": ["conv", "full_attention"]},
    "jamba": {"attn_layer_offset": 1, "attn_layer_period": 2, "use_mamba_kernels": False, "expert_layer_period": 2},
    "mamba": {"state_size": 4, "time_step_rank": 4, "intermediate_size": 64},
    "falcon_mamba": {"state_size": 4, "time_step_rank": 4, "intermediate_size": 64},
    "mamba2": STATE,
    "minimax": {"block_size": 4},
    "mobilebert": {
        "intra_bottleneck_size": 16,
        "embedding_size": 16,
        "true_hidden_size": 16,
        "num_feedforward_networks": 2,
    },
    "mpt": {},
    "recurrent_gemma": {"block_types": ["recurrent", "attention"], "attention_window_size": 8},
    "rwkv": {},
    "squeezebert": {},
    "xlnet": {"max_position_embeddings": KEPT, "d_inner": 48},
    "xmod": {"languages": ["en_XX"], "default_language": "en_XX"},
}
TRANSLATES: dict[str, dict[str, Any]] = {
    **{
        name: {}
        for name in (
            *("t5", "mt5", "umt5", "switch_transformers", "longt5", "bart", "mbart", "m2m_100", "marian", "pegasus"),
            *(
                "blenderbot",
                "blenderbot-small",
                "plbart",
                "mvp",
                "fsmt",
                "prophetnet",
                "led",
                "bigbird_pegasus",
                "nllb-moe",
            ),
        )
    },
    "fsmt": {"src_vocab_size": 64, "tgt_vocab_size": 64},
    "prophetnet": {"num_hidden_layers": KEPT, "num_encoder_attention_heads": 4, "num_decoder_attention_heads": 4},
    "led": {"attention_window": 4, "max_encoder_position_embeddings": 64, "max_decoder_position_embeddings": 64},
}
SEES: dict[str, dict[str, Any]] = {
    **{
        name: {}
        for name in (
            *(
                "aimv2_vision_model",
                "clip_vision_model",
                "siglip_vision_model",
                "data2vec-vision",
                "beit",
                "deit",
                "dinov2",
            ),
            *("dinov2_with_registers", "dinov3_vit", "ijepa", "vit", "vit_mae", "vit_msn", "yolos", "vitdet", "hiera"),
        )
    },
    "bit": {**STAGES, "embedding_size": 8, "num_groups": 4, "layer_type": "preactivation"},
    "convnext": STAGES,
    "convnextv2": STAGES,
    "cvt": {
        "num_hidden_layers": KEPT,
        "depth": [1, 2, 3],
        "embed_dim": [8, 16, 24],
        "num_heads": [1, 2, 3],
        "patch_size": KEPT,
        "num_attention_heads": KEPT,
        "patch_sizes": [7, 3, 3],
    },
    "dinov3_convnext": STAGES,
    "efficientnet": {"width_coefficient": 0.25, "depth_coefficient": 0.25, "hidden_dim": 320},
    "focalnet": {"depths": [1, 1], "embed_dim": 16, "focal_levels": [2, 2], "focal_windows": [3, 3], "patch_size": 4},
    "glpn": {"depths": [1, 1, 1, 1], "hidden_sizes": [8, 16, 24, 32], "num_attention_heads": [1, 2, 3, 4]},
    "hiera": {
        "patch_size": KEPT,
        "patch_stride": [4, 4],
        "embed_dim": 16,
        "depths": [1, 1],
        "num_heads": [1, 2],
        "image_size": [64, 64],
        "num_query_pool": 1,
    },
    "levit": {
        "hidden_sizes": [16, 24, 32],
        "num_attention_heads": [2, 2, 2],
        "depths": [1, 1, 1],
        "key_dim": [8, 8, 8],
        "image_size": 64,
        "patch_size": 16,
    },
    "mobilenet_v1": {"depth_multiplier": 0.25},
    "mobilenet_v2": {"depth_multiplier": 0.35},
    "mobilevit": {
        "hidden_sizes": [16, 24, 32],
        "neck_hidden_sizes": [8, 8, 16, 16, 24, 24, 64],
        "patch_size": 2,
        "image_size": 64,
    },
    "mobilevitv2": {"width_multiplier": 0.25, "patch_size": 2, "image_size": 64},
    "poolformer": {"depths": [1, 1, 1, 1], "hidden_sizes": [8, 16, 24, 32]},
    "pvt": {
        "depths": [1, 1, 1, 1],
        "hidden_sizes": [8, 16, 24, 32],
        "num_attention_heads": [1, 2, 3, 4],
        "image_size": 64,
    },
    "pvt_v2": {"depths": [1, 1, 1, 1], "hidden_sizes": [8, 16, 24, 32], "num_attention_heads": [1, 2, 3, 4]},
    "regnet": {**STAGES, "layer_type": "y", "embedding_size": 8, "groups_width": 4},
    "resnet": {**STAGES, "layer_type": "bottleneck", "embedding_size": 8},
    "segformer": {
        "depths": [1, 1, 1, 1],
        "hidden_sizes": [8, 16, 24, 32],
        "num_attention_heads": [1, 2, 3, 4],
        "patch_sizes": [7, 3, 3, 3],
    },
    "swiftformer": {"depths": [1, 1, 1, 1], "embed_dims": [8, 16, 24, 32], "image_size": 64},
    "swin": SWIN,
    "swinv2": SWIN,
    "swin2sr": {
        "depths": [1, 2],
        "num_heads": [2, 4],
        "num_attention_heads": KEPT,
        "num_layers": KEPT,
        "embed_dim": 16,
        "window_size": 4,
        "patch_size": 1,
    },
    "textnet": {},
    "yolos": {"image_size": [32, 32]},
}
HEARS: dict[str, dict[str, Any]] = {
    **{
        name: {
            "conv_dim": [16, 16],
            "conv_kernel": [10, 3],
            "conv_stride": [5, 2],
            "num_feat_extract_layers": 2,
            "num_conv_pos_embeddings": 16,
            "num_conv_pos_embedding_groups": 4,
        }
        for name in (
            "wav2vec2",
            "hubert",
            "wavlm",
            "unispeech",
            "unispeech-sat",
            "data2vec-audio",
            "wav2vec2-conformer",
            "sew",
        )
    },
}


def architectures() -> Iterator[Architecture]:
    """Those of transformers."""
    for kinds, example in ((READS_TEXT, _text), (TRANSLATES, _two_texts), (SEES, _image), (HEARS, _sound)):
        for name, sizes in sorted(kinds.items()):
            yield Architecture("transformers", name, partial(_build, name, sizes, example))


def _build(name: str, sizes: dict[str, Any], example: Callable[[Any], Any]) -> tuple[Any, Any]:
    from transformers import AutoModel
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    configuration = CONFIG_MAPPING[name]
    known = vars(configuration()).keys() | configuration.attribute_map.keys()
    small = {key: value for key, value in SMALL.items() if key in known} | sizes
    config = configuration(**{key: value for key, value in small.items() if value is not KEPT})
    return AutoModel.from_config(config), example(config)


def _tokens() -> Any:
    import torch

    return torch.randint(3, 60, (2, 8))


def _text(config: Any) -> Any:
    return {"input_ids": _tokens()}


def _two_texts(config: Any) -> Any:
    import torch

    masks = {"attention_mask": torch.ones(2, 8).long(), "decoder_attention_mask": torch.ones(2, 5).long()}
    # these two make their own masks unless they are being compiled
    return {"input_ids": _tokens(), "decoder_input_ids": _tokens()[:, :5]} | (
        masks if config.model_type in ("longt5", "switch_transformers") else {}
    )


def _image(config: Any) -> Any:
    import torch

    side = getattr(config, "image_size", 32)
    side = side if isinstance(side, int) else side[0]
    return {
        "pixel_values": torch.randn(
            2, getattr(config, "num_channels", 3), max(32, min(side, 64)), max(32, min(side, 64))
        )
    }


def _sound(config: Any) -> Any:
    import torch

    return {"input_values": torch.randn(2, 400)}
