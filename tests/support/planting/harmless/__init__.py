"""Changes that no float64 computation could see: rewritings that a converter or an optimiser may make."""

from __future__ import annotations

from planting.harmless.layers import (
    add_as_difference,
    add_as_sum,
    average_padded_before,
    concatenated_in_steps,
    division_by_reciprocal,
    dropout_gone,
    flatten_as_reshape,
    global_as_mean,
    global_as_sum,
    global_as_window,
    leaky_as_prelu,
    lrn_by_parts,
    max_pool_padded_before,
    norm_by_parts,
    operands_exchanged,
    prelu_as_two,
    relu_as_clip,
    relu_as_maximum,
    sigmoid_by_tanh,
    slice_to_the_end,
    softmax_by_logarithm,
    softmax_by_parts,
)
from planting.harmless.linear import (
    average_as_convolution,
    batch_norm_as_scale,
    batch_norm_folded,
    bias_added_after,
    deconvolution_cut_after,
    gemm_as_convolution,
    gemm_as_product,
    gemm_transposed,
    groups_apart,
    padded_before,
    pointwise_as_product,
)
from planting.harmless.rewriting import Rewriting
from planting.harmless.whole import constants, fixed_batch, identities, opset, renamed, reordered, turned_twice

REWRITINGS: dict[str, Rewriting] = {
    make.__name__: make for make in (identities, turned_twice, renamed, reordered, constants, fixed_batch)
}
REWRITINGS |= {
    "BatchNorm folded into convolutions": batch_norm_folded,
    "BatchNorm as multiplication and addition": batch_norm_as_scale,
    "bias added after the convolution": bias_added_after,
    "padding before the convolution": padded_before,
    "groups as convolutions of their own": groups_apart,
    "1 x 1 convolution as a matrix product": pointwise_as_product,
    "Gemm as MatMul and Add": gemm_as_product,
    "Gemm with its matrix transposed": gemm_transposed,
    "Gemm as a convolution": gemm_as_convolution,
    "padding before the average": average_padded_before,
    "average pooling as a convolution": average_as_convolution,
    "global average as a mean": global_as_mean,
    "global average as one window": global_as_window,
    "global average as a sum divided": global_as_sum,
    "padding before the max pool": max_pool_padded_before,
    "ReLU as a maximum": relu_as_maximum,
    "ReLU as a clip": relu_as_clip,
    "leaky ReLU as PReLU": leaky_as_prelu,
    "PReLU by its two halves": prelu_as_two,
    "sigmoid by tanh": sigmoid_by_tanh,
    "softmax by its parts": softmax_by_parts,
    "softmax by its logarithm": softmax_by_logarithm,
    "Flatten as Reshape": flatten_as_reshape,
    "Dropout taken out": dropout_gone,
    "operands exchanged": operands_exchanged,
    "Add as Sum": add_as_sum,
    "Add as Sub of the negative": add_as_difference,
    "division as multiplication": division_by_reciprocal,
    "concatenation in steps": concatenated_in_steps,
    "slice counted from the end": slice_to_the_end,
    "deconvolution cut afterwards": deconvolution_cut_after,
    "L2 norm by its parts": norm_by_parts,
    "LRN by its parts": lrn_by_parts,
    **{f"operator set {version}": opset(version) for version in (15, 17, 20, 21)},
}
