"""What is known of every ATen operator: one table, read by the symmetry, by the safety of files and by the paths.

`abs` stands for all overloads of `aten.abs`; `add_?` for `add` and its in-place form `add_`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Affine = Literal["", "sum", "product", "quotient"]
"""Of a value as a function of tensors that move along a line: none · affine in all of them together · in each factor
while the other stays, and in what is added beside · in the first factor while the second stays."""

Kind = Literal[
    "general",
    "orthogonal",
    "complex",
    "interleaved-complex",
    "phase",
    "interleaved-phase",
    "centred",
    "scaled",
    "signed",
    "permutation",
]
"""A class of invertible matrices (`symmetry/classes.py`), each named before those it holds."""


@dataclass(frozen=True)
class Operator:
    """One ATen operator, without namespace and overload.

    rule      name of the function in `symmetry/rules` that says which of its axes are equal; None: the rules of its
              decomposition do, or else its axes are pinned and it is reported
    file      an uploaded program may hold it: it computes on tensors and touches no files, devices or Python. It shows
              no memory that nobody wrote (`empty`) and trusts no strides or indices unchecked (`_reshape_alias`)
    in_place  such a program may hold its in-place form too
    why       its axes are pinned on purpose
    moves     it moves numbers without reading them: what only such operators touch is unused
    affine    in which way, for tensors that move along a line
    factors   the two arguments of a product or quotient
    leaves    the largest class of matrices that it commutes with along the axes of its arguments and results; its rule
              may leave less
    """

    name: str
    rule: str | None
    file: bool
    in_place: bool = False
    why: str = ""
    moves: bool = False
    affine: Affine = ""
    factors: tuple[str, ...] = ()
    leaves: Kind = "permutation"

    @property
    def in_files(self) -> tuple[str, ...]:
        """The names under which a file may hold it."""
        return ((self.name, f"{self.name}_") if self.in_place else (self.name,)) if self.file else ()


def _row(
    rule: str | None,
    in_files: str,
    only_traced: str = "",
    *,
    why: str = "",
    moves: bool = False,
    affine: Affine = "",
    factors: tuple[str, ...] = (),
    leaves: Kind | None = None,
) -> Iterator[Operator]:
    """Operators that differ only in whether a file may hold them; affine ones and those that move numbers are linear
    along every axis that their rule does not limit."""
    kind: Kind = leaves or ("general" if moves or affine else "permutation")
    for file, names in ((True, in_files), (False, only_traced)):
        for word in names.split():
            yield Operator(word.removesuffix("_?"), rule, file, word.endswith("_?"), why, moves, affine, factors, kind)


_TABLE = (
    # pointwise
    *_row(
        "pointwise",
        """
        acos acosh addcdiv addcmul atan2 bitwise_and bitwise_left_shift bitwise_not bitwise_or
        bitwise_right_shift bitwise_xor ceil celu_? clamp_? clamp_max clamp_min clip complex conj copysign cos
        cosh deg2rad elu_? eq erfc exp_? expm1 floor floor_divide fmax fmin fmod frac ge gelu_? gt
        hardsigmoid_? hardswish_? hardtanh_? heaviside hypot imag isclose isfinite isinf isnan le lerp log log10
        log1p log2 log_sigmoid logaddexp logaddexp2 logical_and logical_not logical_or logical_xor logit lt
        masked_fill_? maximum minimum mish_? nan_to_num ne polar rad2deg real reciprocal relu6_? remainder rrelu
        rsqrt rsub selu_? sigmoid_? silu_? sinc softplus sqrt threshold_? true_divide where xlogy
        """,
        """
        _prelu_kernel angle conj_physical digamma divide exp2 float_power greater greater_equal huber_loss
        i0 isneginf isposinf isreal ldexp less less_equal lgamma mse_loss nextafter not_equal positive
        resolve_conj resolve_neg signbit smooth_l1_loss special_expit special_log1p subtract
        """,
    ),
    *_row("pointwise", "abs leaky_relu_? relu_?", leaves="scaled"),
    *_row(
        "pointwise",
        "asin asinh atan atanh erf erfinv hardshrink round sgn sign sin sinh softshrink tan tanh_? trunc",
        "fix",
        leaves="signed",
    ),
    *_row("power", "pow_? square", leaves="general"),
    *_row("pointwise", "mul_? multiply", affine="product", factors=("self", "other")),
    *_row("pointwise", "div_?", affine="quotient", factors=("self", "other")),
    *_row("pointwise", "add_? neg_? sub_?", affine="sum"),
    *_row("same", "_to_copy to", "lift_fresh", leaves="general"),
    *_row("same", "alias clone contiguous detach_? lift_fresh_copy", affine="sum"),
    *_row("cast_like", "type_as", leaves="general"),
    *_row("copy", "copy_?"),
    *_row("prelu", "prelu", leaves="scaled"),
    *_row("dropout", "alpha_dropout native_dropout"),
    *_row("dropout", "dropout_? feature_dropout", affine="sum"),
    *_row("complex_pairs", "view_as_complex"),
    *_row("real_pairs", "view_as_real"),
    # linear
    *_row("linear", "linear", affine="product", factors=("input", "weight")),
    *_row("matmul", "dot mv", "linalg_matmul", leaves="general"),
    *_row("matmul", "bmm mm", affine="product", factors=("self", "mat2")),
    *_row("matmul", "matmul", affine="product", factors=("self", "other")),
    *_row("addmm", "addmv", leaves="general"),
    *_row("addmm", "baddbmm", affine="product", factors=("batch1", "batch2")),
    *_row("addmm", "addmm", affine="product", factors=("mat1", "mat2")),
    *_row("einsum", "einsum", leaves="general"),
    *_row("bilinear", "bilinear", leaves="general"),
    *_row("cdist", "cdist", "_cdist_forward _euclidean_dist"),
    *_row("cosine_similarity", "cosine_similarity"),
    *_row("embedding", "embedding", affine="product", factors=("weight", "indices")),
    *_row("embedding_bag", "embedding_bag", "_embedding_bag"),
    # conv
    *_row("convolution", "", "_convolution convolution_overrideable", leaves="general"),
    *_row(
        "convolution",
        """
        conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d convolution
        """,
        affine="product",
        factors=("input", "weight"),
    ),
    *_row(
        "pool",
        """
        adaptive_max_pool1d adaptive_max_pool2d max_pool1d max_pool2d max_pool2d_with_indices max_pool3d
        max_pool3d_with_indices
        """,
        "adaptive_max_pool3d lp_pool1d lp_pool2d lp_pool3d max_pool1d_with_indices",
        leaves="scaled",
    ),
    *_row("pool", "_adaptive_avg_pool2d _adaptive_avg_pool3d", "_adaptive_avg_pool1d", leaves="general"),
    *_row(
        "pool",
        """
        adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d avg_pool1d avg_pool2d avg_pool3d
        """,
        affine="sum",
    ),
    *_row(
        "resample",
        """
        upsample_bicubic2d upsample_linear1d upsample_nearest1d upsample_nearest3d upsample_trilinear3d
        """,
        """
        _upsample_bicubic2d_aa _upsample_bilinear2d_aa _upsample_nearest_exact1d _upsample_nearest_exact2d
        _upsample_nearest_exact3d
        """,
    ),
    *_row("resample", "upsample_bilinear2d upsample_nearest2d", affine="sum"),
    *_row(
        "pad_space",
        """
        reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d replication_pad3d
        """,
    ),
    *_row("pixel_shuffle", "pixel_shuffle", affine="sum"),
    *_row("pixel_unshuffle", "pixel_unshuffle"),
    *_row("channel_shuffle", "channel_shuffle", "native_channel_shuffle"),
    *_row("patches", "im2col", affine="sum"),
    *_row("unpatches", "col2im"),
    *_row("grid_sample", "grid_sampler grid_sampler_2d grid_sampler_3d"),
    *_row("windows", "unfold", affine="sum"),
    # norm
    *_row(
        "batch_norm",
        "_native_batch_norm_legit_no_training batch_norm instance_norm native_batch_norm",
        "_batch_norm_no_update _native_batch_norm_legit cudnn_batch_norm",
    ),
    *_row("group_norm", "group_norm native_group_norm"),
    *_row("layer_norm", "layer_norm native_layer_norm rms_norm", "_fused_rms_norm", leaves="general"),
    *_row(
        "along",
        "_log_softmax _safe_softmax _softmax log_softmax softmax",
        "softmin special_log_softmax special_softmax",
    ),
    # reduce
    *_row(
        "reduce",
        """
        all amax amin aminmax any linalg_norm linalg_vector_norm logsumexp norm prod std std_mean var var_mean
        """,
        "count_nonzero nanmean nansum",
        leaves="general",
    ),
    *_row("reduce", "mean sum", affine="sum"),
    *_row("extreme", "kthvalue median", "mode nanmedian"),
    *_row("position", "argmax argmin"),
    *_row("binary_extreme", "max min"),
    # shape
    *_row("reshape", "ravel reshape_as view_as", "_reshape_alias", moves=True),
    *_row("reshape", "_unsafe_view flatten reshape unflatten view", moves=True, affine="sum"),
    *_row("permute", "permute", moves=True, affine="sum"),
    *_row("transpose", "swapaxes swapdims", "adjoint mT", moves=True),
    *_row("transpose", "t transpose_?", "numpy_T", moves=True, affine="sum"),
    *_row("movedim", "moveaxis", moves=True),
    *_row("movedim", "movedim", moves=True, affine="sum"),
    *_row("expand", "", "broadcast_to", moves=True),
    *_row("expand", "expand expand_as", moves=True, affine="sum"),
    *_row("repeat", "repeat tile", moves=True, affine="sum"),
    *_row("repeat_interleave", "repeat_interleave", moves=True),
    *_row("squeeze", "squeeze_?", moves=True, affine="sum"),
    *_row("unsqueeze", "unsqueeze_?", moves=True, affine="sum"),
    # parts
    *_row("cat", "", "concatenate", moves=True),
    *_row("cat", "cat concat", moves=True, affine="sum"),
    *_row("stack", "stack", moves=True, affine="sum"),
    *_row("pieces", "tensor_split unsafe_chunk unsafe_split", "unsafe_split_with_sizes", moves=True),
    *_row("pieces", "chunk split split_with_sizes", moves=True, affine="sum"),
    *_row("slices", "narrow slice", moves=True, affine="sum"),
    *_row("slice_scatter", "slice_scatter"),
    *_row("select_scatter", "select_scatter"),
    *_row("select_one", "select", moves=True, affine="sum"),
    *_row("unbind", "unbind", moves=True, affine="sum"),
    *_row("pad", "constant_pad_nd pad", affine="sum"),
    *_row("glu", "glu"),
    *_row("diagonal", "diagonal"),
    # attention
    *_row(
        "attention",
        """
        _scaled_dot_product_efficient_attention _scaled_dot_product_flash_attention
        _scaled_dot_product_flash_attention_for_cpu scaled_dot_product_attention
        """,
        "_scaled_dot_product_attention_math _scaled_dot_product_cudnn_attention",
        leaves="general",
    ),
    # recurrent
    *_row("recurrence", "gru lstm rnn_relu rnn_tanh", leaves="general"),
    *_row("cell", "gru_cell lstm_cell rnn_relu_cell rnn_tanh_cell", leaves="general"),
    # create
    *_row(
        "filled",
        """
        fill_? full full_like new_full new_ones new_zeros ones ones_like scalar_tensor zero_? zeros zeros_like
        """,
        "empty empty_like empty_permuted empty_strided new_empty",
        leaves="general",
    ),
    *_row("constant", "arange eye linspace tril_indices triu_indices", "hann_window logspace range"),
    # order
    *_row("ordered", "cummax cummin cumprod diff rot90", "logcumsumexp"),
    *_row("ranked", "argsort msort sort topk"),
    *_row("ordered", "cumsum flip roll", affine="sum"),
    *_row("triangle", "tril triu"),
    *_row("looked_up", "gather"),
    *_row("marked", "one_hot", why="values used as numbers of positions"),
    *_row("written_at", "scatter_? scatter_add", why="writing by number"),
    *_row("written_along", "index_add index_copy index_fill", why="writing by number", leaves="general"),
    *_row("put", "index_put_?", "_unsafe_index_put", why="writing by number", leaves="general"),
    *_row("looked_up", "index_select", moves=True, affine="product", factors=("self", "index")),
    *_row("indexed", "", "_unsafe_index", moves=True),
    *_row("indexed", "index", moves=True, affine="product", factors=("self", "indices")),
    *_row(
        "opaque",
        "",
        """
        _adaptive_avg_pool2d_backward avg_pool2d_backward convolution_backward embedding_dense_backward
        max_pool2d_with_indices_backward native_group_norm_backward native_layer_norm_backward
        """,
        why="a gradient inside the network",
    ),
    *_row("ordered", "_fft_c2c _fft_c2r _fft_r2c", why="a Fourier transform gives every position a frequency"),
    *_row("opaque", "item", "_local_scalar_dense", why="a value read as a number"),
    *_row("opaque", "", "_pdist_forward pdist", why="pairs of rows in an order"),
    *_row("opaque", "masked_select nonzero", "_unique2 unique_dim", why="its result names positions by number"),
    *_row("opaque", "masked_scatter scatter_reduce", why="writing by number"),
    *_row("strided", "as_strided", why="memory read without regard to axes", leaves="general"),
    *_row("opaque", "", "resize view_dtype", why="memory read without regard to axes"),
    *_row(
        "opaque",
        "normal rand rand_like randint randn randn_like",
        """
        bernoulli exponential fractional_max_pool2d fractional_max_pool3d multinomial randint_like randperm
        uniform
        """,
        why="each position meets a random number of its own, which is held fixed",
    ),
    *_row("opaque", "bucketize searchsorted take_along_dim", "bincount", why="values used as numbers of positions"),
    *_row(
        "opaque", "sym_is_contiguous sym_numel sym_size sym_storage_offset sym_stride", why="a shape read as a number"
    ),
    # none
    *_row(
        None,
        """
        _assert_scalar _assert_tensor_metadata _conj _transformer_encoder_layer_fwd _weight_norm addbmm
        affine_grid_generator atleast_1d cross diag diag_embed feature_alpha_dropout ger hstack inner is_nonzero
        kron meshgrid negative numel outer quantile renorm sym_constrain_range sym_constrain_range_for_size take
        tensordot vstack
        """,
    ),
)

OPERATORS: Mapping[str, Operator] = {operator.name: operator for operator in _TABLE}
"""Name → operator."""
