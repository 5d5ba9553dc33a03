"""Parameters and shapes as every view writes them."""

from __future__ import annotations

import re

_GREEK = {
    "alpha": "α",
    "delta": "δ",
    "gamma": "γ",
    "lambda": "λ",
    "nu": "ν",
    "omega": "ω",
    "phi": "φ",
    "psi": "ψ",
    "rho": "ρ",
    "sigma^2": "σ²",
    "theta": "θ",
}
_BELOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def parameter_label(name: str) -> str:
    """A parameter's name as people write it.

    Example:
        >>> [parameter_label(name) for name in ("sigma^2_0", "L_2_1", "L_12_3", "range", "ma_pacf_1")]
        ['σ²₀', 'L₂₁', 'L₁₂,₃', 'range', 'ma_pacf₁']
    """
    base, digits = re.fullmatch(r"(.*?)((?:_\d+)*)", name).groups()  # type: ignore[union-attr]
    indices = digits.split("_")[1:]
    joint = "," if any(len(index) > 1 for index in indices) else ""
    return _GREEK.get(base, base) + joint.join(index.translate(_BELOW) for index in indices)


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
