"""Ticks and labels along the axes of pictures of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from covstudio.plots.texts import shortened

#: Pixels that a level takes along an axis, at least; where there are fewer, rows and columns are numbered.
LINE = 13
#: At most so many characters of a level are written along an axis; the whole name is told under the pointer.
NAME_LENGTH = 16


def block_ticks(count: int, size: int) -> tuple[list[float], list[str]]:
    """Places and texts along an axis of blocks: round numbers of rows, where these stand among the blocks.

    Args:
        count: of rows.
        size: of a block.

    Example:
        >>> block_ticks(40, 4)[0][:3], block_ticks(40, 4)[1][:3]
        ([-0.375, 0.875, 2.125], ['0', '5', '10'])
    """
    where, texts, _ = axis_ticks(range(count), 0.0, first=0)
    return [(place + 0.5) / size - 0.5 for place in where], texts


def axis_ticks(names: Sequence[object], room: float, first: int = 1) -> tuple[list[int], list[str], bool]:
    """Places and texts along an axis: levels where they fit, else round numbers.

    Args:
        names: of all rows or columns.
        room: pixels for each.
        first: the number of the first place.

    Returns:
        places, texts, and whether the texts are names.

    Example:
        >>> axis_ticks(["a", "b"], 20.0)
        ([1, 2], ['a', 'b'], True)
        >>> axis_ticks(["a", "b"], 5.0)
        ([1, 2], ['1', '2'], False)
        >>> axis_ticks(["0", "1"], 20.0, first=0)
        ([0, 1], ['0', '1'], False)
        >>> axis_ticks(["a"] * 1_000_000, 0.0, first=0)[0][-1]
        900000
    """
    size = len(names)
    numbers = list(range(first, size + first))
    if room >= LINE and list(names) != list(map(str, numbers)):
        return numbers, [shortened(str(name), NAME_LENGTH) for name in names], True
    step = next(s for k in count() for s in (10**k, 2 * 10**k, 5 * 10**k) if size / s <= 10)
    ticks = sorted({first, *range(step if step > 2 and first else first, size + first, step)})
    return ticks, list(map(str, ticks)), False
