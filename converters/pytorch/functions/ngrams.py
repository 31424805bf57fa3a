"""Counting n-grams."""

from typing import List

import torch
from torch import Tensor


def ngrams(x: Tensor, pools: List[List[int]], places: List[List[int]], shortest: int, skips: int, size: int) -> Tensor:
    """How often each n-gram of `pools` (those of length n at n - 1, end to end) stands in each row of x.

    Up to `skips` numbers may lie between two of an n-gram, always as many. `places` are the columns of the result.
    """
    rows = x if x.dim() == 2 else x.reshape(1, -1)
    counts = torch.zeros([rows.size(0), size], dtype=torch.float32, device=x.device)
    for n in range(shortest, len(pools) + 1):
        if len(places[n - 1]) == 0:
            continue
        pool = torch.tensor(pools[n - 1], dtype=x.dtype, device=x.device).reshape(-1, n)
        columns = torch.tensor(places[n - 1], dtype=torch.int64, device=x.device)
        for step in range(1, skips + 2 if n > 1 else 2):
            width = rows.size(1) - (n - 1) * step
            if width > 0:
                parts = [rows[:, at * step : at * step + width] for at in range(n)]
                found = torch.stack(parts, 2).unsqueeze(2) == pool
                counts.index_add_(1, columns, found.all(3).sum(1).to(torch.float32))
    return counts if x.dim() == 2 else counts.reshape(-1)
