"""Texts of fixed width: fields begin in the same place of every line, and nothing else separates them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, islice, pairwise

from covstudio.data.choices import Decision
from covstudio.data.errors import ChoiceError, TableError, count
from covstudio.data.files.text import said_of_encoding
from covstudio.data.readers import READERS, File, Reader
from covstudio.data.records import body_width, find_separator, split
from covstudio.data.source import RawTable, read_grid, sample_lines, text_lines

__all__ = ["find_widths"]

_FEWEST = 3
_TAB = 8


def fits(file: File) -> str:
    """Why the fields of a text stand in columns, or ""."""
    if file.choices.widths:
        return "the widths of its fields were said"
    if file.no_text or file.choices.separator is not None or b" " not in file.data[:10_000]:
        return ""
    lines = sample_lines(file.text.utf8)
    try:
        separator = find_separator(lines)
    except TableError:
        separator = None
    if separator is not None:
        records = [one for one in split(lines, separator) if not one.blank and not one.comment]
        if body_width([len(one.fields) for one in records]) > 1:
            return ""
    return (
        "its fields stand below each other, and no separator gives every line as many"
        if find_widths(lines)
        else ""
    )


def find_widths(lines: Sequence[str]) -> tuple[int, ...]:
    """How many characters each field takes, up to where the next begins; () where fields do not line up.

    Fields are separated by places that are blank in every line, and each has a name in the first.

    Args:
        lines: the first lines of a text; tabs count up to the next of every 8 places.

    Example:
        >>> find_widths(["gen         yield", "North East    4.1", "South         3.9"])
        (12, 5)
        >>> find_widths(["gen yield", "North East 4.1", "South West 3.9"])
        ()
    """
    full = [line.expandtabs(_TAB).rstrip() for line in lines if line.strip()]
    if len(full) < _FEWEST:
        return ()
    length = max(map(len, full))
    padded = [line.ljust(length) for line in full]
    blank = [all(line[at] == " " for line in padded) for at in range(length)]
    starts = [at for at in range(length) if not blank[at] and (at == 0 or blank[at - 1])]
    ends = [*starts[1:], length]
    # What has no name of its own is the rest of a label before it.
    named = [start for start, end in zip(starts, ends, strict=True) if padded[0][start:end].strip()]
    if len(named) < 2 or named[0] != starts[0]:
        return ()
    bounds = [0, *named[1:], length]
    for start, end in pairwise(bounds):
        if 2 * sum(bool(line[start:end].strip()) for line in padded[1:]) < len(padded) - 1:
            return ()  # a title of several words above a single column
    return tuple(end - start for start, end in pairwise(bounds))


def read(file: File) -> RawTable:
    """The columns of a text whose fields have widths.

    Raises:
        ChoiceError: a line is longer than the widths that were said.
        TableError: the fields do not line up.
    """
    widths, reason = file.choices.widths, "as was said"
    if not widths:
        widths, reason = (
            find_widths(sample_lines(file.text.utf8)),
            "where every line has a blank, and the first a name behind it",
        )
    if not widths:
        raise TableError(
            "The fields of this text do not line up. Say how many characters each takes (the choice "
            "'widths')."
        )
    ends = list(accumulate(widths))
    grid = []
    for number, line in enumerate(text_lines(file.text.utf8), start=1):
        text = line.rstrip("\r\n").expandtabs(_TAB)
        if file.choices.widths and len(text.rstrip()) > ends[-1]:
            raise ChoiceError(
                f"The widths {', '.join(map(str, widths))} make {count(ends[-1], 'character')}, and line "
                f"{number:,} "
                f"has {len(text.rstrip()):,}. Say the widths of all fields."
            )
        grid.append(
            [text[start:end].strip() for start, end in zip([0, *ends], [*ends[:-1], None], strict=False)]
        )
    raw = read_grid(grid, file.choices)
    raw = replace(
        raw,
        decisions=(Decision("widths", tuple(widths), reason), *raw.decisions),
        notes=(f"The fields stand in columns of {', '.join(map(str, widths))} characters.", *raw.notes),
        first=tuple(line.rstrip("\r\n") for line in islice(text_lines(file.text.utf8), len(raw.first))),
    )
    return said_of_encoding(file, raw)


READERS.register(
    Reader("fixed", "a text of fixed widths", (".txt", ".dat", ".prn"), fits, read, order=900),
)
