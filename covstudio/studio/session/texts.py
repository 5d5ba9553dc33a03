"""Shapes as every view writes them."""

from __future__ import annotations


def shape_text(shape: tuple[int, int] | None) -> str:
    """A shape as text; an unknown one is a dash.

    Example:
        >>> shape_text((24, 4)), shape_text(None)
        ('24 × 4', '–')
    """
    return "–" if shape is None else f"{shape[0]} × {shape[1]}"
