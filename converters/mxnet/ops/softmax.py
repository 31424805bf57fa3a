"""softmax and its kin, and the output operators whose labels only training reads."""

from __future__ import annotations

import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample
from converters.mxnet.operands import number, value


def softmax(layer: Layer, emit: Emit) -> ir.Value:
    """Reads softmax as Softmax along `axis`, of the data divided by `temperature`."""
    return emit("Softmax", _tempered(layer, emit), axis=layer.attrs.integer("axis"))


def log_softmax(layer: Layer, emit: Emit) -> ir.Value:
    """Reads log_softmax as LogSoftmax."""
    return emit("LogSoftmax", _tempered(layer, emit), axis=layer.attrs.integer("axis"))


def softmin(layer: Layer, emit: Emit) -> ir.Value:
    """Reads softmin as Softmax of the negative."""
    return emit("Softmax", emit("Neg", _tempered(layer, emit)), axis=layer.attrs.integer("axis"))


def _tempered(layer: Layer, emit: Emit) -> ir.Value:
    data, attrs = value(layer, emit, "data"), layer.attrs
    if attrs.flag("use_length"):
        emit.refuse("masks by a length for each row; zoo does not read it")
    if attrs["dtype"] not in (None, "float32"):
        emit.refuse(f"computes in {attrs['dtype']}; zoo reads float32")
    emit.axis(data, attrs.integer("axis"))
    temperature = attrs.number("temperature")
    return emit("Div", data, number(emit, data, temperature, "temperature")) if temperature not in (0, 1) else data


def softmax_output(layer: Layer, emit: Emit) -> ir.Value:
    """Reads SoftmaxOutput as Softmax over axis 1 (multi_output), the last axis (preserve_shape) or an instance."""
    data, attrs = value(layer, emit, "data"), layer.attrs
    if attrs.flag("multi_output"):
        return emit("Softmax", data, axis=1)
    return emit("Softmax", data, axis=-1) if attrs.flag("preserve_shape") else _over_instance(emit, data)


def softmax_activation(layer: Layer, emit: Emit) -> ir.Value:
    """Reads SoftmaxActivation as Softmax: over axis 1 (channel) or over the last axis.

    The mode instance flattens all but the last axis (softmax_activation-inl.h, FlatTo2D), not the instance.
    """
    data = value(layer, emit, "data")
    return emit("Softmax", data, axis=1 if layer.attrs.text("mode") == "channel" else -1)


def _over_instance(emit: Emit, data: ir.Value) -> ir.Value:
    """All values of an instance; where they lie on several axes MXNet's builds disagree."""
    if emit.rank(data) > 2 and any(size != 1 for size in emit.sizes(data, 1)[:-1]):
        emit.refuse(
            f"normalises {emit.rank(data)} dimensions at once: MXNet's own kernel does so over an instance, oneDNN's "
            "over the last axis",
            "set multi_output (over axis 1) or preserve_shape (over the last axis)",
        )
    return emit("Softmax", data, axis=-1)


def unchanged(layer: Layer, emit: Emit) -> ir.Value:
    """Reads an operator that only its gradient distinguishes from nothing."""
    data = value(layer, emit, "data")
    return emit.dropped("does nothing at inference") if emit.inputs else emit("Identity", data)


def sparse_penalty(layer: Layer, emit: Emit) -> ir.Value:
    """Reads IdentityAttachKLSparseReg as nothing: its moving average is for the gradient."""
    data = value(layer, emit, "data")
    if "moving_avg" in layer.weights:
        emit.source("moving_avg", (emit.size(data, 1),), role="moving_avg")
    return emit.dropped("does nothing at inference") if emit.inputs else emit("Identity", data)


def left_side(layer: Layer, emit: Emit) -> ir.Value:
    """Reads it as its first operand: the second one says only how the first is to be stored."""
    return emit("Identity", value(layer, emit, "lhs"))


def dropout(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Dropout as nothing: MXNet scales while it trains. The mode always draws at inference too."""
    if layer.attrs.text("mode") == "always":
        emit.refuse("drops values at random at inference too; ONNX's result would not be the network's")
    return unchanged(layer, emit)


def logistic_output(layer: Layer, emit: Emit) -> ir.Value:
    """Reads LogisticRegressionOutput as Sigmoid."""
    return emit("Sigmoid", value(layer, emit, "data"))


_ROWS = ((2, 5),)
_IMAGE = ((2, 3, 4, 5),)
_AXES = (
    Sample("last axis", "{}", _IMAGE),
    Sample("axis 1", '{"axis": "1"}', _IMAGE),
    Sample("temperature", '{"temperature": "2.5"}', _IMAGE),
)
_TRAINING = ("grad_scale", "ignore_label", "use_ignore", "normalization", "out_grad", "smooth_alpha", "valid_thresh",
             "margin", "regularization_coefficient", "use_linear", "sparseness_target", "penalty", "momentum", "p",
             "stype", "mode", "axes", "cudnn_off", "scalar", "is_int")  # fmt: skip

READ = {
    "softmax": Read(softmax, samples=_AXES),
    "log_softmax": Read(log_softmax, samples=_AXES),
    "softmin": Read(softmin, samples=_AXES),
    "SoftmaxOutput": Read(
        softmax_output,
        neutral=_TRAINING,
        samples=(
            Sample("rows", '{"grad_scale": "0.5"}', _ROWS),
            Sample("positions", '{"multi_output": "True", "use_ignore": "True", "ignore_label": "255"}', _IMAGE),
            Sample("shape kept", '{"preserve_shape": "True"}', _IMAGE),
        ),
    ),
    "SoftmaxActivation": Read(
        softmax_activation,
        samples=(Sample("instances", "{}", _IMAGE), Sample("channels", '{"mode": "channel"}', _IMAGE)),
    ),
    "LogisticRegressionOutput": Read(logistic_output, neutral=_TRAINING, samples=(Sample("rows", "{}", _ROWS),)),
    **{
        kind: Read(unchanged, neutral=_TRAINING, samples=(Sample("rows", attrs, _ROWS),))
        for kind, attrs in (
            ("LinearRegressionOutput", "{}"), ("MAERegressionOutput", "{}"), ("SVMOutput", "{}"), ("MakeLoss", "{}"),
            ("make_loss", "{}"), ("BlockGrad", "{}"), ("_copy", "{}"),
            ("_contrib_gradientmultiplier", '{"scalar": "0.5"}'), ("cast_storage", '{"stype": "default"}'),
        )
    },
    "IdentityAttachKLSparseReg": Read(
        sparse_penalty, neutral=_TRAINING, samples=(Sample("rows", "{}", _ROWS, ((5,),), values=(0.1, 0.9)),)
    ),
    "_identity_with_attr_like_rhs": Read(left_side, samples=(Sample("rows", "{}", (*_ROWS, *_ROWS)),)),
    "Dropout": Read(
        dropout,
        neutral=_TRAINING,
        samples=(Sample("rows", '{"p": "0.7"}', _ROWS),),
    ),
}  # fmt: skip
