"""Names as they are written in pictures: long ones without their middle."""

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
