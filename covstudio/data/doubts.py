"""Questions that a column leaves open, with their answers, and how it is read until somebody answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from covstudio.data.choices import Answer, Decision, Question, TableChoices
from covstudio.data.dates import ORDER_WORDS, DateForms, iso_date
from covstudio.data.errors import count, listed, shown
from covstudio.data.missing import suspected_codes, suspected_labels
from covstudio.data.numerals import numeral
from covstudio.data.text import label

#: So many questions about columns of a table have answers; when they are answered, the next have.
MOST_ANSWERED = 100


@dataclass
class Doubts:
    """The notes, questions and decisions of one column in the making.

    Args:
        name: the column.
        choices: what is said about the table so far.
        answers: whether questions have answers to choose from. Each knows all that is said about the table,
            so that not every column of a very wide one can have some.
    """

    name: str
    choices: TableChoices
    answers: bool = True
    notes: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)

    def decide(self, name: str, value: str, reason: str) -> None:
        """Say what the column is read as, in one respect, and why."""
        self.decisions.append(Decision(name, value, reason, self.name))

    def note(self, sentence: str) -> None:
        """Say something about the column."""
        self.notes.append(f"Column {shown(self.name)}: {sentence}")

    def ask(self, sentence: str, *answers: tuple[str, dict[str, Any]]) -> None:
        """Ask something about the column.

        Args:
            sentence: what was found and how it is read now.
            *answers: each in words, and what it says about the column; the first is how it is read now.
        """
        offered = answers if self.answers else ()
        found = tuple(Answer(text, self.choices.with_column(self.name, **said)) for text, said in offered)
        self.questions.append(Question(f"Column {shown(self.name)}: {sentence}", found, self.name))

    def decimal_or_thousands(self, example: str, mark: str, now: str) -> None:
        """A mark that may be decimal or stand between thousands in every number of the column.

        Args:
            example: the first such number.
            mark: the mark.
            now: the decimal mark it is read with until somebody says; "" where it stays text.
        """
        other = "," if mark == "." else "."
        found = numeral(example)
        small, large = (label(found.value(decimal)) if found else "" for decimal in (mark, other))
        answers: list[tuple[str, dict[str, Any]]] = [
            (f"{example} is {small}", {"decimal": mark}),
            (f"{example} is {large}", {"decimal": other}),
        ]
        if now:
            read = f"it is read as {label(found.value(now)) if found else ''}"
        else:
            read = "it is kept as text"
            answers.insert(0, ("text", {"kind": "text"}))
        self.ask(
            f"{example} may be {small} or {large}, and nothing in the file shows which; {read}.", *answers
        )

    def codes(self, sizes: Mapping[str, float], rows: Mapping[str, int], values: Collection[str]) -> None:
        """Numbers that may be a code for "no value"."""
        said = {sizes[text] for text in values if text in sizes}
        suspects = [size for size in suspected_codes(sizes.values()) if size not in said]
        if suspects:
            codes = [label(size) or "" for size in suspects]
            held = sum(rows[text] for text, size in sizes.items() if size in suspects)
            read = "is read as a number" if len(codes) == 1 else "are read as numbers"
            self.ask(
                f"{listed(codes)} in {count(held, 'row')} may be a code for 'no value', and {read}.",
                ("numbers", {"values": self._more("values", codes)}),
                ("no value", {"missing": self._more("missing", codes)}),
            )

    def labels(self, rows: Mapping[str, int], values: Collection[str]) -> None:
        """Labels that may be a code for "no value"."""
        suspects = [text for text in suspected_labels(rows) if text not in values]
        if suspects:
            held = sum(rows[text] for text in suspects)
            read = "is taken for a label" if len(suspects) == 1 else "are taken for labels"
            self.ask(
                f"{listed(suspects)} in {count(held, 'row')} may mean 'no value', and {read} like any other.",
                ("labels", {"values": self._more("values", suspects)}),
                ("no value", {"missing": self._more("missing", suspects)}),
            )

    def dates(self, forms: DateForms) -> None:
        """Dates whose day, month and year cannot be told apart."""
        readings = [f"{iso_date(forms.example, order)} ({ORDER_WORDS[order]})" for order in forms.orders]
        self.ask(
            f"{shown(forms.example)} may be the date {' or '.join(readings)}; it is kept as text.",
            ("text", {"kind": "text"}),
            *((ORDER_WORDS[order], {"kind": "date", "order": order}) for order in forms.orders),
        )

    def compact_dates(self, example: str) -> None:
        """Whole numbers that may be dates."""
        self.ask(
            f"{example} may be the date {example[:4]}-{example[4:6]}-{example[6:]}, and is read as a number.",
            ("numbers", {"kind": "number"}),
            ("dates", {"kind": "date", "order": "ymd"}),
        )

    def _more(self, name: str, texts: Sequence[str]) -> tuple[str, ...]:
        held: tuple[str, ...] = getattr(self.choices.column(self.name), name)
        return (*held, *texts)
