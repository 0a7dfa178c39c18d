"""Small architectures, each with one thing that symmetry inference has to get right."""

from __future__ import annotations

from functools import cache

from torch import nn

from lmc_core.networks.network import Network, network
from lmc_core.symmetry.infer import symmetry
from lmc_core.symmetry.symmetry import Symmetry
from zoo import attention, layers, recurrence, vision
from zoo.making import Member, images, ready, rows, tokens

ZOO: dict[str, Member] = {
    "mlp": ready(layers.mlp, lambda: images(2, 48)),
    "vgg_bn_flatten": ready(vision.vgg, images),
    "resnet_bn": ready(lambda: vision.ResNet(nn.BatchNorm2d), images),
    "resnet_groupnorm": ready(lambda: vision.ResNet(vision.group_norm), images),
    "densenet_cat": ready(vision.DenseNet, images),
    "depthwise_grouped": ready(vision.DepthwiseGrouped, images),
    "unet_cat_skip": ready(vision.UNet, images),
    "glu": ready(layers.GLU, lambda: images(2, 7)),
    "lstm2": ready(lambda: recurrence.Recurrent(nn.LSTM, num_layers=2), tokens),
    "bilstm2": ready(lambda: recurrence.Recurrent(nn.LSTM, num_layers=2, bidirectional=True), tokens),
    "gru2": ready(lambda: recurrence.Recurrent(nn.GRU, num_layers=2), tokens),
    "hand_lstm": ready(recurrence.HandLSTM, lambda: images(2, 4, 7)),
    "gpt_tied_sdpa": ready(lambda: attention.GPT("split", tied=True), tokens),
    "gpt_untied_manual": ready(lambda: attention.GPT("manual", tied=False), tokens),
    "gpt_fused5d": ready(lambda: attention.GPT("5d", tied=True), tokens),
    "vit_nn_encoder": ready(attention.ViT, images),
    "llama_gqa_rope": ready(attention.Llama, tokens),
    "mixer": ready(layers.mixer, lambda: images(2, 6, 12)),
}
"""The eighteen architectures of the project's reference."""

MORE: dict[str, Member] = {
    "bottleneck_inplace": ready(vision.BottleneckNet, images),
    "resnet_padded_shortcut": ready(vision.PaddedShortcut, images),
    "preact_groupnorm": ready(vision.PreactGroupNorm, images),
    "convnext": ready(vision.ConvNeXt, images),
    "squeeze_excite": ready(vision.SqueezeExcite, images),
    "shufflenet": ready(vision.ShuffleNet, images),
    "hand_gru": ready(recurrence.HandGRU, lambda: rows(4, 7)),
    "cells": ready(recurrence.Cell, lambda: rows(4, 7)),
    "lstm_learned_start": ready(recurrence.LearnedStart, lambda: rows(4, 7)),
    "bigru_last_state": ready(recurrence.LastState, lambda: rows(4, 7)),
    "masked_attention": ready(attention.MaskedAttention, lambda: rows(4, 7)),
    "mixed_heads": ready(attention.MixedHeads, lambda: rows(7)),
    "cross_attention": ready(attention.CrossAttention, lambda: rows(4, 7), lambda: rows(5, 6)),
    "interleaved_qkv": ready(attention.Interleaved, tokens),
    "fused_heads_gqa": ready(attention.FusedHeads, tokens),
    "complex_rotary": ready(attention.ComplexRotary, tokens),
    "window_attention": ready(attention.Windows, images),
    "low_rank": ready(layers.LowRank, lambda: rows(7)),
    "weight_norm": ready(layers.Normed, lambda: rows(7)),
    "tied_autoencoder": ready(layers.Autoencoder, lambda: rows(7)),
    "two_inputs": ready(layers.TwoInputs, tokens, lambda: rows(6)),
    "unused_layer": ready(layers.Unused, lambda: rows(7)),
    "long_positions": ready(attention.LongPositions, lambda: rows(4, 7)),
    "running_sum": ready(layers.RunningSum, lambda: rows(7)),
    "stacked_branches": ready(layers.Stacked, lambda: rows(7)),
    "decoder": ready(vision.Decoder, lambda: rows(7)),
}
"""Forms that real networks take and the eighteen do not."""

ALL: dict[str, Member] = {**ZOO, **MORE}


@cache
def member(name: str) -> Network:
    """A network of the zoo, made and traced once for all tests."""
    return network(*ALL[name]())


@cache
def symmetric(name: str) -> tuple[Network, Symmetry]:
    """A network of the zoo and its symmetry."""
    return member(name), symmetry(member(name), verify=False)


untraceable = ready(layers.DataDependent, lambda: rows(7))
