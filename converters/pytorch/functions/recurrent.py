"""RNN, LSTM and GRU as ONNX defines them, step by step."""

from typing import List, Optional

import torch
from torch import Tensor


def activation(name: str, x: Tensor) -> Tensor:
    """One of the activations that a gate may have."""
    if name == "sigmoid":
        return torch.sigmoid(x)
    if name == "tanh":
        return torch.tanh(x)
    return torch.relu(x)


def limited(x: Tensor, clip: float) -> Tensor:
    """Between -clip and clip; unchanged where clip is 0."""
    return x.clamp(-clip, clip) if clip > 0 else x


def kept(new: Tensor, old: Tensor, step: int, lengths: Optional[Tensor]) -> Tensor:
    """The new state of the samples that are not over yet, the old one of the others."""
    if lengths is None:
        return new
    return torch.where((step < lengths).reshape(-1, 1), new, old)


def silent(y: Tensor, step: int, lengths: Optional[Tensor]) -> Tensor:
    """Zero for the samples that are over."""
    if lengths is None:
        return y
    return torch.where((step < lengths).reshape(-1, 1), y, torch.zeros_like(y))


def order(count: int, backwards: bool) -> List[int]:
    """The steps in the order in which they are taken."""
    steps = list(range(count))
    return steps[::-1] if backwards else steps


def rnn(
    x: Tensor,
    w: Tensor,
    r: Tensor,
    b: Optional[Tensor],
    lengths: Optional[Tensor],
    h0: Optional[Tensor],
    direction: str,
    activations: List[str],
    clip: float,
    layout: int,
) -> tuple[Tensor, Tensor]:
    """A plain recurrent layer; returns all steps and the last state."""
    x = x.transpose(0, 1) if layout == 1 else x
    if h0 is not None and layout == 1:
        h0 = h0.transpose(0, 1)
    size = r.size(-1)
    outs: List[Tensor] = []
    lasts: List[Tensor] = []
    for d in range(w.size(0)):
        h = torch.zeros([x.size(1), size], dtype=x.dtype, device=x.device) if h0 is None else h0[d]
        bias = torch.zeros([size], dtype=x.dtype, device=x.device) if b is None else b[d, :size] + b[d, size:]
        backwards = direction == "reverse" or d == 1
        steps = order(x.size(0), backwards)
        ys: List[Tensor] = []
        for t in steps:
            new = activation(activations[d], limited(x[t] @ w[d].t() + h @ r[d].t() + bias, clip))
            h = kept(new, h, t, lengths)
            ys.append(silent(h, t, lengths))
        outs.append(torch.stack(ys[::-1] if backwards else ys))
        lasts.append(h)
    y, last = torch.stack(outs, 1), torch.stack(lasts)
    return (y.permute(2, 0, 1, 3), last.transpose(0, 1)) if layout == 1 else (y, last)


def gru(
    x: Tensor,
    w: Tensor,
    r: Tensor,
    b: Optional[Tensor],
    lengths: Optional[Tensor],
    h0: Optional[Tensor],
    direction: str,
    activations: List[str],
    clip: float,
    layout: int,
    linear_before_reset: bool,
) -> tuple[Tensor, Tensor]:
    """Gated recurrent units, gates in the order update, reset, hidden; returns all steps and the last state."""
    x = x.transpose(0, 1) if layout == 1 else x
    if h0 is not None and layout == 1:
        h0 = h0.transpose(0, 1)
    n = r.size(-1)
    outs: List[Tensor] = []
    lasts: List[Tensor] = []
    for d in range(w.size(0)):
        h = torch.zeros([x.size(1), n], dtype=x.dtype, device=x.device) if h0 is None else h0[d]
        bias = torch.zeros([6 * n], dtype=x.dtype, device=x.device) if b is None else b[d]
        wb, rb = bias[: 3 * n], bias[3 * n :]
        backwards = direction == "reverse" or d == 1
        ys: List[Tensor] = []
        for t in order(x.size(0), backwards):
            gates = x[t] @ w[d].t() + wb
            past = h @ r[d, : 2 * n].t() + rb[: 2 * n]
            z = activation(activations[2 * d], limited(gates[:, :n] + past[:, :n], clip))
            q = activation(activations[2 * d], limited(gates[:, n : 2 * n] + past[:, n:], clip))
            if linear_before_reset:
                hidden = q * (h @ r[d, 2 * n :].t() + rb[2 * n :])
            else:
                hidden = (q * h) @ r[d, 2 * n :].t() + rb[2 * n :]
            new = activation(activations[2 * d + 1], limited(gates[:, 2 * n :] + hidden, clip))
            h = kept((1 - z) * new + z * h, h, t, lengths)
            ys.append(silent(h, t, lengths))
        outs.append(torch.stack(ys[::-1] if backwards else ys))
        lasts.append(h)
    y, last = torch.stack(outs, 1), torch.stack(lasts)
    return (y.permute(2, 0, 1, 3), last.transpose(0, 1)) if layout == 1 else (y, last)


def lstm(
    x: Tensor,
    w: Tensor,
    r: Tensor,
    b: Optional[Tensor],
    lengths: Optional[Tensor],
    h0: Optional[Tensor],
    c0: Optional[Tensor],
    p: Optional[Tensor],
    direction: str,
    activations: List[str],
    clip: float,
    layout: int,
    input_forget: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Long short-term memory, gates in the order input, output, forget, cell; returns all steps and the last states."""
    x = x.transpose(0, 1) if layout == 1 else x
    if layout == 1:
        h0 = None if h0 is None else h0.transpose(0, 1)
        c0 = None if c0 is None else c0.transpose(0, 1)
    n = r.size(-1)
    outs: List[Tensor] = []
    lasts: List[Tensor] = []
    cells: List[Tensor] = []
    for d in range(w.size(0)):
        empty = torch.zeros([x.size(1), n], dtype=x.dtype, device=x.device)
        h = empty if h0 is None else h0[d]
        c = empty if c0 is None else c0[d]
        bias = torch.zeros([4 * n], dtype=x.dtype, device=x.device) if b is None else b[d, : 4 * n] + b[d, 4 * n :]
        peep = torch.zeros([3 * n], dtype=x.dtype, device=x.device) if p is None else p[d]
        backwards = direction == "reverse" or d == 1
        f, g, s = activations[3 * d], activations[3 * d + 1], activations[3 * d + 2]
        ys: List[Tensor] = []
        for t in order(x.size(0), backwards):
            gates = x[t] @ w[d].t() + h @ r[d].t() + bias
            i = activation(f, limited(gates[:, :n] + peep[:n] * c, clip))
            forget = activation(f, limited(gates[:, 2 * n : 3 * n] + peep[2 * n :] * c, clip))
            forget = 1 - i if input_forget else forget
            cell = forget * c + i * activation(g, limited(gates[:, 3 * n :], clip))
            o = activation(f, limited(gates[:, n : 2 * n] + peep[n : 2 * n] * cell, clip))
            h = kept(o * activation(s, cell), h, t, lengths)
            c = kept(cell, c, t, lengths)
            ys.append(silent(h, t, lengths))
        outs.append(torch.stack(ys[::-1] if backwards else ys))
        lasts.append(h)
        cells.append(c)
    y, last, memory = torch.stack(outs, 1), torch.stack(lasts), torch.stack(cells)
    if layout == 1:
        return y.permute(2, 0, 1, 3), last.transpose(0, 1), memory.transpose(0, 1)
    return y, last, memory
