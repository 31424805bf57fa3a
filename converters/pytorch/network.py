"""A network under construction: modules by torchvision's names become layers, and their weights are written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from converters.hub.attributes import Attributes
from converters.hub.layer import Dim
from converters.weights import Shape

Pair = int | tuple[int, int]


@dataclass(frozen=True, slots=True)
class Value:
    """What a layer makes: its name and its number of channels (of features, behind a Flatten)."""

    name: str
    channels: int


@dataclass(frozen=True, slots=True)
class Module:
    """One layer without its weights; `weights` maps roles to the tensors' names."""

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: Mapping[str, object]
    weights: Mapping[int | str, str]


@dataclass(slots=True)
class Network:
    """Collects modules; `wanted` are the weights they need, by tensor name, each exactly once.

    `shapes` are those of the file: only the number of classes is taken from them, nothing else is guessed.
    `ignored` maps tensors that inference does not need to the reason.
    """

    shapes: Mapping[str, Shape]
    modules: list[Module] = field(default_factory=list)
    wanted: dict[str, Shape] = field(default_factory=dict)
    ignored: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    inputs: dict[str, tuple[Dim, ...]] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)

    def input(self, name: str, shape: tuple[Dim, ...]) -> Value:
        """Declare the input; dimension 1 is its channels."""
        self.inputs[name] = shape
        channels = shape[1]
        assert isinstance(channels, int)
        return Value(name, channels)

    def add(
        self,
        kind: str,
        name: str,
        *inputs: Value,
        channels: int | None = None,
        weights: Mapping[str, Shape] | None = None,
        **attrs: object,
    ) -> Value:
        """A module of one output, which bears its name; channels stay as they are unless given."""
        self._module(kind, name, inputs, (name,), attrs, weights or {})
        return Value(name, inputs[0].channels if channels is None else channels)

    def conv(  # noqa: PLR0913 - a convolution has that many numbers
        self,
        x: Value,
        name: str,
        out: int,
        kernel: Pair,
        stride: Pair = 1,
        padding: Pair | None = None,
        *,
        groups: int = 1,
        dilation: int = 1,
        bias: bool = False,
    ) -> Value:
        """Conv2d; without `padding` as much as keeps the size: half the kernel."""
        window = _pair(kernel)
        pads = (window[0] // 2 * dilation, window[1] // 2 * dilation) if padding is None else _pair(padding)
        weights: dict[str, Shape] = {"weight": (out, x.channels // groups, *window)}
        if bias:
            weights["bias"] = (out,)
        return self.add(
            "Conv2d", name, x, channels=out, weights=weights, in_channels=x.channels, out_channels=out,
            kernel_size=window, stride=_pair(stride), padding=pads, dilation=_pair(dilation), groups=groups, bias=bias,
        )  # fmt: skip

    def norm(self, x: Value, name: str, eps: float = 1e-5) -> Value:
        """BatchNorm2d."""
        roles = ("weight", "bias", "running_mean", "running_var")
        self.ignored[f"{name}.num_batches_tracked"] = "counts training steps; not used at inference"
        shapes: dict[str, Shape] = dict.fromkeys(roles, (x.channels,))
        return self.add("BatchNorm2d", name, x, weights=shapes, num_features=x.channels, eps=eps)

    def linear(self, x: Value, name: str, out: int) -> Value:
        """Linear with a bias."""
        weights: dict[str, Shape] = {"weight": (out, x.channels), "bias": (out,)}
        return self.add(
            "Linear", name, x, channels=out, weights=weights, in_features=x.channels, out_features=out, bias=True
        )

    def max_pool(self, x: Value, name: str, kernel: int, stride: int, padding: int = 0, *, ceil: bool = False) -> Value:
        """MaxPool2d."""
        return self._moving(x, name, _window(kernel, stride, padding) | {"ceil_mode": ceil}, kind="MaxPool2d")

    def avg_pool(self, x: Value, name: str, kernel: int, stride: int, padding: int = 0) -> Value:
        """AvgPool2d."""
        return self._moving(x, name, _window(kernel, stride, padding), kind="AvgPool2d")

    def adaptive(self, x: Value, name: str, size: int = 1) -> Value:
        """AdaptiveAvgPool2d to size x size."""
        return self.add("AdaptiveAvgPool2d", name, x, output_size=(size, size))

    def cat(self, name: str, values: Sequence[Value]) -> Value:
        """Concatenation of channels."""
        return self.add("cat", name, *values, channels=sum(value.channels for value in values), dim=1)

    def chunk(self, x: Value, name: str) -> tuple[Value, Value]:
        """The two halves of the channels."""
        names = (f"{name}.0", f"{name}.1")
        self._module("chunk", name, (x,), names, {"chunks": 2, "dim": 1}, {})
        return Value(names[0], x.channels // 2), Value(names[1], x.channels // 2)

    def flatten(self, x: Value, name: str = "flatten", area: int = 1) -> Value:
        """Flatten from dimension 1 on, of maps of `area` numbers each."""
        return self.add("Flatten", name, x, channels=x.channels * area, start_dim=1)

    def classes(self, name: str) -> int:
        """The number of classes: as many as the file's last layer has outputs, 1000 where it says nothing."""
        return self.shapes.get(f"{name}.weight", (1000,))[0]

    def head(self, x: Value, name: str) -> None:
        """The last Linear, whose output is the network's: `logits`."""
        self.output(self.linear(x, name, self.classes(name)), "logits")

    def output(self, x: Value, name: str | None = None) -> None:
        """Make a value an output of the network; under another name only while nothing reads it."""
        if name is not None:
            last = self.modules.pop()
            assert last.outputs == (x.name,)
            self.modules.append(Module(last.kind, last.name, last.inputs, (name,), last.attrs, last.weights))
        self.outputs.append(name or x.name)

    def drop(self, prefix: str, reason: str) -> None:
        """Leave out the file's tensors under `prefix`."""
        self.ignored.update({name: reason for name in self.shapes if name.startswith(prefix)})

    def _moving(self, x: Value, name: str, attrs: Mapping[str, object], *, kind: str) -> Value:
        self._module(kind, name, (x,), (name,), attrs, {})
        return Value(name, x.channels)

    def _module(
        self,
        kind: str,
        name: str,
        inputs: Sequence[Value],
        outputs: tuple[str, ...],
        attrs: Mapping[str, object],
        weights: Mapping[str, Shape],
    ) -> None:
        names: dict[int | str, str] = {role: f"{name}.{role}" for role in weights}
        for role, shape in weights.items():
            assert f"{name}.{role}" not in self.wanted, f"{name}.{role} is used twice"
            self.wanted[f"{name}.{role}"] = shape
        self.modules.append(Module(kind, name, tuple(value.name for value in inputs), outputs, attrs, names))


def attributes(module: Module) -> Attributes:
    """The module's attributes, which its op function must read one and all."""
    return Attributes(module.attrs)


def _pair(value: Pair) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


def _window(kernel: int, stride: int, padding: int) -> dict[str, object]:
    return {"kernel_size": (kernel, kernel), "stride": (stride, stride), "padding": (padding, padding)}
