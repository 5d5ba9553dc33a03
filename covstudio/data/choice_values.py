"""Values of choices about a table: what each may be, and what comes of it."""

from __future__ import annotations

from collections.abc import Sequence

from covstudio.data.encoding import encoding_name
from covstudio.data.errors import ChoiceError, came, listed, shown
from covstudio.data.text import label, plain_label

#: What a message calls a mark that cannot be seen.
_SAID = {"\t": "tab", " ": "space", "": "none"}


def check_one_of(name: str, value: object, allowed: Sequence[str]) -> None:
    """Refuse a value that is none of those allowed; None is always allowed."""
    if value is not None and value not in allowed:
        known = [_SAID.get(one, one) for one in allowed]
        raise ChoiceError(f"The {name} can be {listed(known, limit=9, word='or')}; got {came(value)}.")


def texts(values: object, name: str) -> tuple[str, ...]:
    """Labels as tables have them, each once; one alone is a list of one."""
    if isinstance(values, str | int | float):
        values = [values]
    if not isinstance(values, Sequence):
        raise ChoiceError(f"The choice {shown(name)} is a list of texts; got {came(values)}.")
    return tuple(dict.fromkeys(text_of(value, name) for value in values))


def known_encoding(text: object) -> str:
    """The name of an encoding as Python has it."""
    name = encoding_name(str(text))
    if name is None:
        raise ChoiceError(
            f"There is no encoding {shown(text)}. Name one of Python's, such as 'utf-8', 'windows-1252', "
            "'latin-1', 'mac-roman', 'cp850' or 'utf-16'."
        )
    return name


def widths(values: object) -> tuple[int, ...]:
    """How many characters each field takes."""
    if not isinstance(values, Sequence) or not all(type(one) is int and one > 0 for one in values):
        raise ChoiceError(
            f"Widths are how many characters each field takes, as in (8, 5, 5); got {came(values)}."
        )
    return tuple(values)


def text_of(value: object, name: str) -> str:
    """A label as tables have it: a number given as one is the text of it."""
    text = None if isinstance(value, bool) else label(value)
    if text is None or not isinstance(value, str | int | float):
        raise ChoiceError(f"The choice {shown(name)} holds texts; got {came(value)}.")
    return plain_label(text)
