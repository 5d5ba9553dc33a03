"""Texts with separators between the fields: csv and its relatives, in any encoding."""

from __future__ import annotations

from dataclasses import replace

from covstudio.data.choices import Answer, Decision, Question
from covstudio.data.encoding import title_of
from covstudio.data.readers import READERS, File, Reader
from covstudio.data.source import RawTable, read_raw

__all__ = ["said_of_encoding"]


def read(file: File) -> RawTable:
    """The columns of a text."""
    return said_of_encoding(file, read_raw(file.text.utf8, file.choices))


def said_of_encoding(file: File, raw: RawTable) -> RawTable:
    """What was read of a text, with what there is to say of its encoding: nothing of UTF-8.

    Args:
        file: the file.
        raw: what was read of it.
    """
    text = file.text
    decision = Decision("encoding", text.encoding, text.reason)
    raw = replace(raw, decisions=(decision, *raw.decisions))
    if text.encoding in ("utf-8", "utf-8-sig") or file.choices.encoding is not None:
        return raw
    words = f"The file was read as {title_of(text.encoding)}: {text.reason}."
    recorded = (*raw.recorded, "encoding")
    if text.sure or len(text.others) < 2:
        return replace(raw, notes=(words, *raw.notes), recorded=recorded)
    answers = tuple(
        Answer(f"{title_of(encoding)}: {word}", replace(file.choices, encoding=encoding))
        for encoding, word in text.others
    )
    asked = Question(f"{words} In another encoding it would read differently.", answers)
    return replace(raw, questions=(asked, *raw.questions), recorded=recorded)


READERS.register(
    Reader(
        "text",
        "a text with separators between its fields",
        (".csv", ".tsv", ".txt", ".dat", ".tab"),
        lambda file: "" if file.no_text else "it is a text, with separators between its fields",
        read,
        order=1000,
    )
)
