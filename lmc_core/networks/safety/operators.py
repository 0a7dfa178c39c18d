"""The operations a program may hold: pure tensor computations, none of which touches files, devices or Python."""

from __future__ import annotations

import re

from lmc_core.errors import CheckpointError
from lmc_core.networks.safety.limits import plain

_ATEN = """
_adaptive_avg_pool2d _adaptive_avg_pool3d _assert_scalar _assert_tensor_metadata _conj _fft_c2c _fft_c2r
_fft_r2c _log_softmax _native_batch_norm_legit_no_training _safe_softmax _scaled_dot_product_efficient_attention
_scaled_dot_product_flash_attention _scaled_dot_product_flash_attention_for_cpu _softmax _to_copy
_transformer_encoder_layer_fwd _unsafe_view _weight_norm abs acos acosh adaptive_avg_pool1d adaptive_avg_pool2d
adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d add add_ addbmm addcdiv addcmul addmm addmv
affine_grid_generator alias all alpha_dropout amax amin aminmax any arange argmax argmin argsort as_strided asin
asinh atan atan2 atanh atleast_1d avg_pool1d avg_pool2d avg_pool3d baddbmm batch_norm bilinear bitwise_and
bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor bmm bucketize cat cdist ceil celu
celu_ channel_shuffle chunk clamp clamp_ clamp_max clamp_min clip clone col2im complex concat conj
constant_pad_nd contiguous conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d convolution
copy copy_ copysign cos cosh cosine_similarity cross cummax cummin cumprod cumsum deg2rad detach detach_ diag
diag_embed diagonal diff div div_ dot dropout dropout_ einsum elu elu_ embedding embedding_bag eq erf erfc
erfinv exp exp_ expand expand_as expm1 eye feature_alpha_dropout feature_dropout fill fill_ flatten flip floor
floor_divide fmax fmin fmod frac full full_like gather ge gelu gelu_ ger glu grid_sampler grid_sampler_2d
grid_sampler_3d group_norm gru gru_cell gt hardshrink hardsigmoid hardsigmoid_ hardswish hardswish_ hardtanh
hardtanh_ heaviside hstack hypot im2col imag index index_add index_copy index_fill index_put index_put_
index_select inner instance_norm is_nonzero isclose isfinite isinf isnan item kron kthvalue layer_norm le
leaky_relu leaky_relu_ lerp lift_fresh_copy linalg_norm linalg_vector_norm linear linspace log log10 log1p log2
log_sigmoid log_softmax logaddexp logaddexp2 logical_and logical_not logical_or logical_xor logit logsumexp lstm
lstm_cell lt masked_fill masked_fill_ masked_scatter masked_select matmul max max_pool1d max_pool2d
max_pool2d_with_indices max_pool3d max_pool3d_with_indices maximum mean median meshgrid min minimum mish mish_
mm moveaxis movedim msort mul mul_ multiply mv nan_to_num narrow native_batch_norm native_dropout
native_group_norm native_layer_norm ne neg neg_ negative new_full new_ones new_zeros nonzero norm normal numel
one_hot ones ones_like outer pad permute pixel_shuffle pixel_unshuffle polar pow pow_ prelu prod quantile
rad2deg rand rand_like randint randn randn_like ravel real reciprocal reflection_pad1d reflection_pad2d
reflection_pad3d relu relu6 relu6_ relu_ remainder renorm repeat repeat_interleave replication_pad1d
replication_pad2d replication_pad3d reshape reshape_as rms_norm rnn_relu rnn_relu_cell rnn_tanh rnn_tanh_cell
roll rot90 round rrelu rsqrt rsub scalar_tensor scaled_dot_product_attention scatter scatter_ scatter_add
scatter_reduce searchsorted select select_scatter selu selu_ sgn sigmoid sigmoid_ sign silu silu_ sin sinc sinh
slice slice_scatter softmax softplus softshrink sort split split_with_sizes sqrt square squeeze squeeze_ stack
std std_mean sub sub_ sum swapaxes swapdims sym_constrain_range sym_constrain_range_for_size sym_is_contiguous
sym_numel sym_size sym_storage_offset sym_stride t take take_along_dim tan tanh tanh_ tensor_split tensordot
threshold threshold_ tile to topk transpose transpose_ tril tril_indices triu triu_indices true_divide trunc
type_as unbind unflatten unfold unsafe_chunk unsafe_split unsqueeze unsqueeze_ upsample_bicubic2d
upsample_bilinear2d upsample_linear1d upsample_nearest1d upsample_nearest2d upsample_nearest3d
upsample_trilinear3d var var_mean view view_as view_as_complex view_as_real vstack where xlogy zero zero_ zeros
zeros_like
"""

ATEN = frozenset(_ATEN.split())
"""Names of ATen operations, all overloads. Not here: what opens files (`from_file`), shows memory nobody wrote
(`empty`), or trusts strides and indices unchecked (`set_`, `_reshape_alias`)."""

_ARITHMETIC = "add sub mul floordiv mod truediv neg pos eq ne lt le gt ge and_ or_"
_SYMBOLIC = frozenset(
    {f"_operator.{name}" for name in _ARITHMETIC.split()}
    | {f"torch.sym_{name}" for name in ("max", "min", "not", "float", "int", "ite")}
    | {"math.ceil", "math.floor", "math.trunc"}
)
"""Arithmetic on sizes."""

_NESTED = frozenset({"torch.ops.higher_order.wrap_with_set_grad_enabled"})
"""Operations that run a graph within the graph: `with torch.no_grad()` around a part of the network."""

_NAME = re.compile(r"torch\.ops\.aten\.([A-Za-z0-9_]+)\.([A-Za-z0-9_]+)", re.ASCII)


def check_operator(target: object, name: str) -> str:
    """The operation a node names. Raises CheckpointError for any that is not on the lists."""
    if isinstance(target, str):
        found = _NAME.fullmatch(target)
        if (found and found.group(1) in ATEN and "__" not in target) or target in _SYMBOLIC or target in _NESTED:
            return target
    raise CheckpointError(
        f"{name} uses the operation {plain(target, 80)!r}, which is not on the list of tensor operations known "
        "to be harmless; nothing was run: export a network of standard layers"
    )


def is_nested(target: str) -> bool:
    """Whether the operation takes a graph as an argument."""
    return target in _NESTED
