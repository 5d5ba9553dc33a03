"""Formulas as MathML, which every browser draws by itself."""

from __future__ import annotations

import html
import re

from covstudio.reporting.equation import Equation

__all__ = ["mathml"]

#: The characters that stand for names, as they are and as references to them.
_NAME = re.compile("[\ue000-\uf8ff]|&#x(?:0*)(e[0-9a-f]{3}|f[0-8][0-9a-f]{2});", re.I)


def mathml(equation: Equation, formula: str) -> str:
    """A formula of an equation as MathML, its names as text; as LaTeX, where it cannot be converted.

    Args:
        equation: whose names stand in it.
        formula: LaTeX, names as characters.

    Example:
        >>> mathml(Equation((), (), ("a<b",)), "x_{\\\\text{\\ue000}}").count("a&lt;b")
        1
    """
    from latex2mathml.converter import convert

    try:
        made = convert(formula)
    except Exception:
        # The formula of somebody's own structure may be anything: its source says what it says.
        return f"<code>{html.escape(equation.written(formula))}</code>"
    return _NAME.sub(lambda found: html.escape(equation.name(_character(found))), made)


def _character(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else found[0]
