"""Rows that belong together: groups of several terms joined, and rows told apart by what they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

__all__ = ["codes_of", "joined", "occurrences"]


def joined(n: int, parts: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """The finest groups of rows within which all groups of all terms lie.

    Args:
        n: number of rows.
        parts: for every term the rows it covers, and the group of each of them, counted from 0.

    Returns:
        The group of every row, (n,), counted from 0.

    Example:
        >>> rows = torch.arange(4)
        >>> joined(4, [(rows, torch.tensor([0, 1, 1, 2])), (rows[:2], torch.tensor([5, 5]))]).tolist()
        [0, 0, 0, 1]
    """
    label = torch.arange(n, device=parts[0][0].device) if parts else torch.arange(n)
    while True:
        before = label
        for rows, group in parts:
            if not len(rows):
                continue
            low = group.new_full((int(group.max()) + 1,), n).scatter_reduce_(0, group, label[rows], "amin")
            label = label.clone()
            label[rows] = low[group]
        # Rows that carry the label of another row follow it.
        label = torch.minimum(label, label[label])
        if bool((label == before).all()):
            found: Tensor = torch.unique(label, return_inverse=True)[1]
            return found


def codes_of(columns: Iterable[Tensor], n: int) -> Tensor:
    """One whole number per row that is the same for rows with the same entries in all columns.

    Args:
        columns: numbers, (n,) each.
        n: number of rows.

    Returns:
        Codes 0, 1, ..., (n,), in the order of the columns' values.

    Example:
        >>> codes_of([torch.tensor([1, 0, 1]), torch.tensor([0.5, 0.5, 0.5])], 3).tolist()
        [1, 0, 1]
    """
    code = torch.zeros(n, dtype=torch.int64)
    for column in columns:
        values, inner = torch.unique(column, return_inverse=True)
        if len(values) > 1:
            code = torch.unique(code * len(values) + inner, return_inverse=True)[1]
    return code


def occurrences(code: Tensor) -> Tensor:
    """How many rows before it have the code of a row, (n,).

    Example:
        >>> occurrences(torch.tensor([7, 3, 7, 7])).tolist()
        [0, 0, 1, 2]
    """
    order = torch.argsort(code, stable=True)
    _, counts = torch.unique_consecutive(code[order], return_counts=True)
    starts = torch.cumsum(counts, 0) - counts
    number = torch.empty_like(code)
    number[order] = torch.arange(len(code), device=code.device) - torch.repeat_interleave(starts, counts)
    return number
