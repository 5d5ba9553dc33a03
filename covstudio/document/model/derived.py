"""Functions of parameters as a person types them: an expression, with a name before it or without."""

from __future__ import annotations


def split_name(text: str) -> tuple[str, str]:
    """The name before "=" and the expression after it; the expression is its own name without one.

    Example:
        >>> split_name("h2 = gen / (gen + residual)"), split_name("gen / 2")
        (('h2', 'gen / (gen + residual)'), ('gen / 2', 'gen / 2'))
    """
    name, equals, expression = text.partition("=")
    if not equals or not name.strip():
        return text.strip(), text.strip().removeprefix("=").strip()
    return name.strip(), expression.strip()
