"""Parameters as people write them: Greek letters, and indices below."""

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
