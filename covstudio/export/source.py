"""Pieces of Python text: names, literals and calls, safe whatever a person typed."""

from __future__ import annotations

import builtins
import keyword
import re
import textwrap
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

WIDTH = 100


def literal(value: object) -> str:
    """A value as a Python literal that gives it back exactly.

    Args:
        value: text, a number, a truth value, None, or lists and tuples of such.

    Example:
        >>> print(literal("gen"), literal('say "x"'), literal(0.1), literal([1, "a"]))
        "gen" 'say "x"' 0.1 [1, "a"]
    """
    if isinstance(value, str):
        # Printable text without quotes or backslashes is the same in double quotes; repr escapes all the
        # rest.
        plain = value.isprintable() and not set(value) & {'"', "\\"}
        return f'"{value}"' if plain else repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(literal, value))}]"
    return repr(value)


def block(head: str, values: Sequence[object], tail: str, indent: str = "") -> str:
    """`head[values]tail` on one line if it fits, else with the values filled into indented lines.

    Example:
        >>> print(block("x = ", [1, 2], ""))
        x = [1, 2]
    """
    flat = f"{indent}{head}{literal(values)}{tail}"
    if len(flat) <= WIDTH:
        return flat
    inner = indent + "    "
    lines, line = [], inner
    for value in values:
        piece = literal(value) + ","
        if len(line) + len(piece) + 1 > WIDTH and line != inner:
            lines.append(line.rstrip())
            line = inner
        line += piece + " "
    lines.append(line.rstrip())
    return "\n".join([f"{indent}{head}[", *lines, f"{indent}]{tail}"])


def mapping(name: str, entries: Mapping[str, object]) -> str:
    """`name = {...}` with one entry a line, long lists filled.

    Example:
        >>> print(mapping("ROLES", {"rep": "factor"}))
        ROLES = {
            "rep": "factor",
        }
    """
    if not entries:
        return f"{name} = {{}}"
    lines = [f"{name} = {{"]
    for key, value in entries.items():
        head = f"{literal(key)}: "
        if isinstance(value, list):
            lines.append(block(head, value, ",", "    "))
        else:
            lines.append(f"    {head}{literal(value)},")
    return "\n".join([*lines, "}"])


def nested(name: str, entries: Mapping[str, object]) -> str:
    """`name = {...}` of lists, texts and further mappings, one entry a line.

    Example:
        >>> print(nested("CHOICES", {"missing": ["-99"], "columns": {"gen": {"reference": "A"}}}))
        CHOICES = {
            "missing": ["-99"],
            "columns": {
                "gen": {
                    "reference": "A",
                },
            },
        }
    """
    return f"{name} = {_nested(entries, '')}"


def _nested(value: object, indent: str) -> str:
    inner = indent + "    "
    if isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        lines = [f"{inner}{_nested(one, inner)}," for one in value]
        return "\n".join(["[", *lines, f"{indent}]"])
    if not isinstance(value, Mapping):
        return literal(value)
    lines = [
        block(f"{literal(key)}: ", one, ",", inner)
        if isinstance(one, list) and not any(isinstance(item, Mapping) for item in one)
        else f"{inner}{literal(key)}: {_nested(one, inner)},"
        for key, one in value.items()
    ]
    return "\n".join(["{", *lines, f"{indent}}}"]) if lines else "{}"


def call(target: str, function: str, arguments: Sequence[str], indent: str = "    ") -> str:
    """`target = function(arguments)`, a line for each argument when it is long; the target may be "return".

    Example:
        >>> print(call("g", "ScalarMatrix", ["24"]))
            g = ScalarMatrix(24)
    """
    head = f"{indent}{target} " + ("" if target == "return" else "= ") + f"{function}("
    flat = f"{head}{', '.join(arguments)})"
    if len(flat) <= WIDTH and "\n" not in flat:
        return flat
    inner = indent + "    "
    return "\n".join([head, *(f"{inner}{argument}," for argument in arguments), f"{indent})"])


def is_keyword_name(name: str) -> bool:
    """Whether a text can be written as `name=` in a call, and reads back as itself."""
    return name.isascii() and name.isidentifier() and not keyword.iskeyword(name)


class Names:
    """Variable names that are new, readable and legal.

    Args:
        taken: names that are in use.

    Example:
        >>> names = Names(["rows"])
        >>> [names.new(text) for text in ("Z of rep x block", "rows", "class", "2nd", "σ²", "")]
        ['z_of_rep_x_block', 'rows_2', 'class_', 'm_2nd', 'm_2', 'm']
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def new(self, wanted: str) -> str:
        """A name like `wanted` that nothing else has."""
        plain = unicodedata.normalize("NFKD", wanted).encode("ascii", "ignore").decode()
        name = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")
        if not name or name.isdecimal():
            name = f"m_{name}".rstrip("_")
        elif name[0].isdigit():
            name = f"m_{name}"
        if keyword.iskeyword(name) or keyword.issoftkeyword(name) or hasattr(builtins, name):
            name += "_"
        number, candidate = 2, name
        while candidate in self._taken:
            candidate, number = f"{name}_{number}", number + 1
        self._taken.add(candidate)
        return candidate


def comment(text: str) -> str:
    """A text as comment lines: one paragraph, nothing that could end a line early.

    Example:
        >>> print(comment("two" + chr(10) + "lines"))
        # two lines
    """
    plain = "".join(char if char.isprintable() else " " for char in text)
    lines = textwrap.wrap(" ".join(plain.split()), WIDTH - 2, break_long_words=False, break_on_hyphens=False)
    return "\n".join(f"# {line}" for line in lines or [""])


def docstring(lines: Sequence[str]) -> str:
    """Lines as the docstring of a module, whatever they hold.

    Example:
        >>> print(docstring(["Oats", "", "A model."]))
        \"\"\"Oats
        <BLANKLINE>
        A model.
        \"\"\"
    """
    safe = []
    for line in lines:
        plain = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)
        safe.append(plain.replace("\\", "\\\\").replace('"""', r"\"\"\""))
    first, *rest = safe
    if first.startswith('"'):
        first = "\\" + first
    return '"""' + "\n".join([first, *rest]) + '\n"""'
