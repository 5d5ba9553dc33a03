"""Names and shapes as every view writes them."""

from __future__ import annotations


def shortened(text: str, most: int) -> str:
    """A text of at most `most` characters: what is too long loses its middle, as names differ at their ends.

    Example:
        >>> shortened("genotype", 12), shortened("genotype within trial 7", 12)
        ('genotype', 'genoty…ial 7')
    """
    if len(text) <= most:
        return text
    tail = (most - 1) // 2
    return f"{text[: most - 1 - tail]}…{text[len(text) - tail :]}"


def shape_text(shape: tuple[int, int] | None) -> str:
    """A shape as text; an unknown one is a dash.

    Example:
        >>> shape_text((24, 4)), shape_text(None)
        ('24 × 4', '–')
    """
    return "–" if shape is None else f"{shape[0]} × {shape[1]}"
