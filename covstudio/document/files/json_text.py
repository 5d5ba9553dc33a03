"""The values in a JSON text that a person gives, and in their words what is wrong with one that has none."""

from __future__ import annotations

import json
import math
from typing import Any

from covstudio.data.errors import shown

CHOOSE = "Choose a file that covstudio has saved."
#: Characters of a line that are shown before the place where something is wrong, and after it.
_AROUND = 30

#: How files of other kinds begin -> what they are.
_OTHERS = {
    b"PK": "a workbook or another packed file",
    b"\x1f\x8b": "a packed file",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"PAR1": "a table (Parquet)",
    b"ARROW1": "a table (Feather)",
    b"\xd0\xcf\x11\xe0": "a workbook of old Excel",
}
_TABLE = "A table is opened in Data."

#: How Python's reader begins what it says -> what is wrong, for who has never seen JSON.
_WORDS = {
    "Expecting value": "a value is expected: text in double quotes, a number, true, false, null, a list "
    "[ ... ] or an object { ... }",
    "Expecting property name": 'a key in double quotes is expected, as in "name"',
    "Illegal trailing comma": "a comma stands after the last entry; leave it out",
    "Expecting ',' delimiter": "a comma is expected between two entries, or the end of the list or object",
    "Expecting ':' delimiter": "a colon is expected between a key and its value",
    "Extra data": "the file goes on after its end",
    "Unterminated string": "a text begins that has no closing double quote",
    "Invalid control character": "a text holds a line break or another control character; write \\n for one "
    "in its place",
    "Invalid \\": "a backslash stands before a character that it has no meaning for; write \\\\ for one",
}


class DocumentError(ValueError):
    """A text that is no model file.

    Args:
        message: what was expected and what came.
        path: where, e.g. "model.nodes[3].operands.z".
    """

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (str(self), self.path)


def _again(text: str, path: str) -> DocumentError:
    error = DocumentError(text)
    error.path = path
    return error


def decoded(data: bytes) -> str:
    """The text in the bytes of a model file.

    Raises:
        DocumentError: it is a file of another kind, or not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        kind = next((what for begins, what in _OTHERS.items() if data.startswith(begins)), None)
        if kind is not None:
            raise DocumentError(f"This is no model of covstudio but {kind}. {_TABLE} {CHOOSE}") from None
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise DocumentError(
                "This is not a model of covstudio, or another program has saved it anew: it is not UTF-8 "
                f"text but UTF-16. Save it as UTF-8 there. {CHOOSE}"
            ) from None
        raise DocumentError(
            f"This is not a model of covstudio: it is not UTF-8 text (byte {error.start}). {CHOOSE}"
        ) from None


class _Odd(float):
    """A number that cannot be kept, until its place in the file is known."""

    def __new__(cls, text: str) -> _Odd:
        number = super().__new__(cls, "nan")
        number.text = text
        return number

    text: str


class _Twice(dict[str, Any]):
    """An object with a key that stands in it twice, until its place in the file is known."""

    key: str


def json_values(text: str) -> Any:
    """The values in a JSON text.

    Raises:
        DocumentError: it is no JSON, is nested too deeply, holds a key twice, or a number that is not finite
            or too large; the message says where.
    """
    odd: list[_Odd] = []
    twice: list[_Twice] = []

    def number(token: str) -> float:
        value = float(token)
        if math.isfinite(value):
            return value
        odd.append(_Odd(token))
        return odd[-1]

    def whole(token: str) -> float:
        return int(token) if len(token) < 300 else number(token)

    def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        twice.append(_Twice(found))
        keys: set[str] = set()
        for key, _ in pairs:
            if key in keys:
                twice[-1].key = key
                break
            keys.add(key)
        return twice[-1]

    try:
        content = json.loads(
            text, parse_constant=number, parse_float=number, parse_int=whole, object_pairs_hook=object_of
        )
    except json.JSONDecodeError as error:
        raise DocumentError(_no_json(text, error)) from None
    except RecursionError:
        raise DocumentError(f"The file is nested too deeply to be a model of covstudio. {CHOOSE}") from None
    if odd:
        came = odd[0].text
        digits = came.lstrip("-")
        if digits.isdecimal():
            came = f"a number of {len(digits)} digits"
        most = ", and the largest that can be kept is 1.8e308" if digits[:1].isdecimal() else ""
        raise DocumentError(
            f"A finite number is expected; got {came[:40]}{most}. Write a number in its place.",
            _place(content, odd[0]),
        )
    if twice:
        raise DocumentError(
            f"The key {shown(twice[0].key)} stands twice in this object; which one counts cannot be told. "
            "Leave one out.",
            _place(content, twice[0]),
        )
    return content


def _no_json(text: str, error: json.JSONDecodeError) -> str:
    """What is wrong with a text that is no JSON, where, and what to do."""
    first = text.lstrip()[:1]
    if first == "<":
        return f"This is no model of covstudio but a web page or XML. {CHOOSE}"
    if first not in ("{", "["):
        begins = shown(text.lstrip()[:_AROUND])
        return f"This is not JSON, as models are saved: it begins with {begins}. {_TABLE} {CHOOSE}"
    if not text[error.pos :].strip() or error.msg.startswith("Unterminated"):
        return (
            f"This is not whole JSON: the file ends in line {text.count(chr(10)) + 1} in the middle of its "
            f"content. Copy or download it again. {CHOOSE}"
        )
    what = next((words for begins, words in _WORDS.items() if error.msg.startswith(begins)), error.msg)
    line = text.splitlines()[error.lineno - 1] if text.splitlines() else ""
    near = line[max(0, error.colno - 1 - _AROUND) : error.colno - 1 + _AROUND]
    return (
        f"This is not JSON: in line {error.lineno}, column {error.colno}, at {shown(near)}, {what}. Mend it "
        "there, or choose a file that covstudio has saved."
    )


def _place(content: Any, wanted: object) -> str:
    """The path to an object in parsed JSON."""
    stack: list[tuple[str, Any]] = [("", content)]
    while stack:
        path, value = stack.pop()
        if value is wanted:
            return path
        if isinstance(value, dict):
            stack.extend((f"{path}.{key}".removeprefix("."), one) for key, one in value.items())
        elif isinstance(value, list):
            stack.extend((f"{path}[{index}]", one) for index, one in enumerate(value))
    return ""
