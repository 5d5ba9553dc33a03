"""Files of Python as tests read them that read them all."""

import ast
from collections.abc import Iterator

__all__ = ["statements"]


def statements(tree: ast.AST) -> Iterator[ast.stmt]:
    """Every statement of a file, in whatever it stands.

    Imports and definitions are statements: to look into expressions for them takes five times as long.
    """
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, name, None)
            if isinstance(inner, list):
                waiting += inner
                yield from (one for one in inner if isinstance(one, ast.stmt))
