"""Lists of tensors."""

from typing import List, Optional

from torch import Tensor


def without(items: List[Tensor], place: int) -> List[Tensor]:
    """The list with one element less."""
    place = place + len(items) if place < 0 else place
    return items[:place] + items[place + 1 :]


def present(value: Optional[Tensor]) -> Tensor:
    """The tensor, which must be there."""
    assert value is not None
    return value


def present_list(value: Optional[List[Tensor]]) -> List[Tensor]:
    """The list, which must be there."""
    assert value is not None
    return value
