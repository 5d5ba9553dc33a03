"""A file looked at: its first lines, how it is read and why, and the table that follows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from covstudio.arguments import checked
from covstudio.data.choices import Decision, TableChoices
from covstudio.data.readers import MAX_BYTES, READERS, read_file
from covstudio.data.reading import opened, table_from
from covstudio.data.tables import Table

__all__ = ["Inspection", "inspect"]

_ROWS = 6
_COLUMNS = 8
_WIDEST = 24
_LINE = 100
_TAB = "\t"


@dataclass(frozen=True, eq=False)
class Inspection:
    """How a file is read.

    Attributes:
        name: of the file.
        lines: its first lines as they stand in it; rows of cells for a workbook.
        decisions: how it is read in each respect, and why: those about the file, then those about columns.
        choices: the same as choices: whoever reads the file by them gets this table.
        table: the table, with its notes and questions.

    Example:
        >>> found = inspect(b"gen;yield\\nA;4,1\\nB;3,9\\n")
        >>> found.choices.separator, found.choices.column("yield").decimal
        (';', ',')
        >>> next(one.reason for one in found.decisions if one.name == "separator")
        'it gives most lines as many fields'
    """

    name: str
    lines: tuple[str, ...]
    decisions: tuple[Decision, ...]
    choices: TableChoices
    table: Table

    def to_dict(self) -> dict[str, Any]:
        """All of it but most rows of the table, ready for JSON."""
        first = self.table.rows_from(0, _ROWS).to_columns()
        return {
            "name": self.name,
            "lines": list(self.lines),
            "choices": self.choices.to_dict(),
            "decisions": [
                {
                    **({"column": one.column} if one.column else {}),
                    "name": one.name,
                    "value": _plain(one.value),
                }
                | {"reason": one.reason}
                for one in self.decisions
            ],
            "notes": list(self.table.notes),
            "questions": [
                {
                    "text": one.text,
                    "answers": [
                        {"text": answer.text, "choices": answer.choices.to_dict()} for answer in one.answers
                    ],
                }
                for one in self.table.questions
            ],
            "table": {"rows": self.table.n, "columns": list(self.table.columns), "first": first},
        }

    def __str__(self) -> str:
        """All of it in lines of text."""
        table, asked = self.table, [one.text for one in self.table.questions]
        lines = [self.name, "", "The first lines of the file"]
        lines += [
            f"{number:6d}  {_cut(line.replace(_TAB, '⇥'))}" for number, line in enumerate(self.lines, start=1)
        ]
        whole = [one for one in self.decisions if one.column is None]
        lines += [
            "",
            "How it is read",
            *_aligned([(one.name, _shown(one.value), one.reason) for one in whole]),
        ]
        names: dict[str, list[Decision]] = {}
        for one in self.decisions:
            if one.column is not None:
                names.setdefault(one.column, []).append(one)
        rows = []
        for name, own in list(names.items())[:200]:
            values = ", ".join(f"{one.name} {_shown(one.value)}" for one in own)
            rows.append((str(name), values, "; ".join(dict.fromkeys(one.reason for one in own))))
        if rows:
            lines += ["", "How its columns are read", *_aligned(rows)]
            lines += [f"  ... and {len(names) - len(rows):,} more"] if len(names) > len(rows) else []
        lines += ["", f"The table: {table.n:,} rows, {len(table.columns):,} columns"]
        first = table.rows_from(0, _ROWS).to_columns()
        columns = list(first)[:_COLUMNS]
        cells = [
            ["" if first[name][row] is None else str(first[name][row]) for name in columns]
            for row in range(min(_ROWS, table.n))
        ]
        lines += _aligned([columns, *cells])
        if notes := [note for note in table.notes if note not in asked]:
            lines += ["", "Notes", *(f"  {note}" for note in notes)]
        for question in table.questions:
            lines += [
                "",
                f"Question: {question.text}",
                *(f"  - {answer.text}" for answer in question.answers),
            ]
        return "\n".join(lines)


@checked
def inspect(
    source: str | os.PathLike[str] | bytes,
    choices: TableChoices | None = None,
    *,
    name: str | None = None,
    max_bytes: int = MAX_BYTES,
) -> Inspection:
    """Look at a file: how it is read, why, and what comes of it.

    Args:
        source: the path of a file, or its content.
        choices: what is said about it; everything else is found.
        name: what to call the table; by default the file's name.
        max_bytes: the largest file to read.

    Raises:
        TableError: as for `read_table`.

    Example:
        >>> found = inspect("Käse;1,5\\n".join(["gen;y\\n", "", ""]).encode("cp1252"))
        >>> found.choices.encoding, found.choices.header, found.table.n
        ('cp1252', 1, 2)
    """
    said = choices or TableChoices()
    file = opened(source, said, name=name, max_bytes=max_bytes)
    raw = read_file(file)
    table, of_columns = table_from(raw, file.name, said)
    decisions = (*raw.decisions, *of_columns)
    return Inspection(file.name, raw.first, decisions, settled(said, decisions), table)


def settled(said: TableChoices, decisions: Sequence[Decision]) -> TableChoices:
    """What is said, with everything that was decided said as well.

    Args:
        said: what a person has said.
        decisions: how the file was read.
    """
    columns: dict[str, dict[str, Any]] = {}
    for one in decisions:
        if one.column is not None:
            columns.setdefault(one.column, {})[one.name] = one.value
        elif one.name != "format" or not READERS[one.value].packed:
            said = replace(said, **{one.name: one.value})
    return said.with_columns(columns)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _shown(value: Any) -> str:
    words = {"\t": "tab", " ": "spaces", True: "yes", False: "no"}
    if isinstance(value, bool | str) and value in words:
        return words[value]
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _cut(text: str, limit: int = _LINE) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of texts in columns; the last is as long as it is."""
    short = [[_cut(text, _WIDEST) for text in row[:-1]] + [_cut(row[-1])] for row in rows if row]
    widths = [max(len(row[at]) for row in short) for at in range(len(short[0]))]
    return [
        "  " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in short
    ]
