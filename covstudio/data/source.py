"""From bytes to rows of text: what kind of file it is, how its fields are separated, whether every line fits.

The rows come from the standard library's csv reader alone, so that the check of the lines and the reading of
the values can never disagree about where a field ends.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
import pandas as pd

from covstudio.data.columns import Cells
from covstudio.data.errors import TableError, count

MAX_COLUMNS = 10_000
MAX_LINE = 4_000_000
MAX_CELLS = 30_000_000
_SAMPLE = 65_536
# Cells read at a time: larger chunks cost more in garbage collection than they save. Rows, for wide tables.
_CHUNK, _CHUNK_ROWS = 20_000, 500
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_SAVE_AS = "save the sheet as 'CSV UTF-8 (comma delimited)'"

#: The first bytes of files that are often uploaded in place of a csv.
_SIGNATURES = (
    (b"PK\x03\x04", "a zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"RDX2", "an R data file"),
    (b"RDX3", "an R data file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x89HDF", "an HDF5 file"),
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "an XML document"),
)
_UNICODE_MARKS = (
    (b"\xff\xfe\x00\x00", "UTF-32 (little-endian)"),
    (b"\x00\x00\xfe\xff", "UTF-32 (big-endian)"),
    (b"\xff\xfe", "UTF-16 (little-endian)"),
    (b"\xfe\xff", "UTF-16 (big-endian)"),
)


@dataclass(frozen=True)
class RawTable:
    """The header and the columns of a file, as text.

    Attributes:
        header: the names as they stand in the first line.
        columns: one array of texts per name, all of one length.
        delimiter: what separates the fields.
        notes: what was passed over while reading.
    """

    header: tuple[str, ...]
    columns: tuple[Cells, ...]
    delimiter: str
    notes: tuple[str, ...]


def check_content(data: bytes) -> None:
    """Refuse what is not UTF-8 text, by the name of what it is.

    Raises:
        TableError: the file is empty, of another kind (a workbook, an archive, ...) or in another encoding.

    Example:
        >>> check_content(b"PK\\x03\\x04 xl/workbook.xml")
        Traceback (most recent call last):
        covstudio.data.errors.TableError: A csv table was expected, and this is an Excel workbook (.xlsx). In
        the spreadsheet program, save the sheet as 'CSV UTF-8 (comma delimited)' and load that file.
    """
    for mark, encoding in _UNICODE_MARKS:
        if data.startswith(mark):
            raise TableError(_other_encoding(encoding))
    start = data[3:] if data.startswith(b"\xef\xbb\xbf") else data
    if not start.strip():
        raise TableError(
            "The file is empty. A table needs a first line with the names of its columns and a line for "
            "every plot or record."
        )
    for signature, kind in _SIGNATURES:
        if start[: len(signature)].lower() == signature.lower():
            raise TableError(_other_kind(data, kind))
    if re.match(rb"\s*[\[{]\s*[\"\[{}\]]", start) and b"\x00" not in data[:_SAMPLE]:
        if b'"covstudio"' in data[:_SAMPLE]:
            raise TableError(
                "A csv table was expected, and this is a covstudio model. Open it as a model, and load the "
                "table it belongs to here."
            )
        raise TableError(
            "A csv table was expected, and this is JSON. Save the records as csv, one line each, and load "
            "that file."
        )
    if (zero := data.find(b"\x00")) >= 0:
        sample = np.frombuffer(data[:1000], dtype=np.uint8)
        even, odd = np.count_nonzero(sample[::2] == 0), np.count_nonzero(sample[1::2] == 0)
        if max(even, odd) > 0.4 * len(sample) / 2:
            raise TableError(_other_encoding("UTF-16 (without a byte order mark)"))
        raise TableError(
            f"A csv table was expected, and this is a binary file (byte {zero + 1:,} is zero). "
            f"In the program that wrote it, {_SAVE_AS} and load that file."
        )
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TableError(
            f"The file is not UTF-8 text: byte {error.start + 1:,} (0x{data[error.start]:02x}, in line "
            f"{line:,}) does not belong to a character. It is probably in an older encoding such as "
            f"Windows-1252. In a spreadsheet, {_SAVE_AS}; in an editor, save it with the encoding UTF-8."
        ) from None


def _other_kind(data: bytes, kind: str) -> str:
    if kind == "a zip archive":
        if b"xl/" in data[:_SAMPLE] or b"xl/" in data[-_SAMPLE:]:
            kind = "an Excel workbook (.xlsx)"
        elif b"application/vnd.oasis.opendocument" in data[:200]:
            kind = "an OpenDocument file (.ods)"
    if "Excel" in kind or "OpenDocument" in kind:
        fix = f"In the spreadsheet program, {_SAVE_AS} and load that file."
    elif "archive" in kind:
        fix = "Unpack it and load the csv file inside."
    else:
        fix = "Export the table as csv, encoded as UTF-8, and load that file."
    return f"A csv table was expected, and this is {kind}. {fix}"


def _other_encoding(encoding: str) -> str:
    return (
        f"The file is encoded as {encoding}, and UTF-8 was expected. In a spreadsheet, {_SAVE_AS}; "
        "in an editor, save it with the encoding UTF-8."
    )


def _lines(data: bytes) -> Iterator[str]:
    """The lines with their ends, whichever of the three line ends the file uses."""
    if data.count(b"\r") != data.count(b"\r\n"):
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return chain.from_iterable(
        _blocks(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="\n"))
    )


def _blocks(stream: io.TextIOWrapper) -> Iterator[list[str]]:
    position = 0
    while lines := stream.readlines(_SAMPLE):
        if max(map(len, lines)) > MAX_LINE:
            row, size = next((row, len(line)) for row, line in enumerate(lines, 1) if len(line) > MAX_LINE)
            raise TableError(
                f"Line {position + row:,} has {size:,} characters, and {MAX_LINE:,} is the most that can be "
                "read. A table needs one line for every record: are the line ends missing?"
            )
        position += len(lines)
        yield lines


def find_delimiter(data: bytes) -> str:
    """What separates the fields: the separator that gives every line of a sample the same number of fields.

    Args:
        data: UTF-8 text.

    Returns:
        "," or ";" or a tab or "|"; "," where there is one column.

    Raises:
        TableError: the fields are separated by spaces, where a label with a space could not be told from two
            labels.

    Example:
        >>> find_delimiter(b"gen;yield\\nG1;4,1\\nG2;3,9\\n")
        ';'
    """
    text = data[:_SAMPLE].decode("utf-8-sig", errors="ignore")
    lines = [line for line in re.split(r"\r\n?|\n", text) if line.strip()]
    if len(data) > _SAMPLE and len(lines) > 1:
        lines.pop()
    lines = lines[:100]
    best, best_score = ",", (0.0, 0)
    for delimiter in _DELIMITERS:
        widths = _widths(lines, delimiter)
        if widths and widths[0] > 1:
            score = (sum(width == widths[0] for width in widths) / len(widths), widths[0])
            if score > best_score:
                best, best_score = delimiter, score
    if best_score == (0.0, 0) and len(lines) > 1:
        widths = _widths(lines, " ")
        if widths and widths[0] > 1 and all(width - widths[0] in (0, 1) for width in widths[1:]):
            raise TableError(
                "The fields seem to be separated by spaces, and commas, semicolons or tabs were expected. "
                'Save the table as csv; in R: write.csv(d, "d.csv", row.names = FALSE).'
            )
    return best


def _widths(lines: list[str], delimiter: str) -> list[int]:
    """How many fields the lines have with a separator; nothing where quotes do not fit it."""
    widths = []
    try:
        for row in csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True):
            widths.append(len(row))
    except csv.Error as error:
        # The sample may end within a quoted value.
        return widths if "unexpected end of data" in str(error) else []
    return widths


def read_raw(data: bytes) -> RawTable:
    """Split a csv file into its columns of text, and refuse it when a line does not fit the header.

    Args:
        data: the whole file, UTF-8 (a byte order mark is passed over).

    Returns:
        The header and the texts of every column. Empty lines and lines of nothing but separators are left
        out.

    Raises:
        TableError: the quotes do not close, lines have more or fewer fields than the header, or a limit is
            passed.

    Example:
        >>> raw = read_raw(b'gen,yield\\n"G1",4.1\\n\\nG2,3.9\\n')
        >>> raw.header, [column.tolist() for column in raw.columns], raw.notes
        (('gen', 'yield'), [['G1', 'G2'], ['4.1', '3.9']], ('1 empty line was left out.',))
    """
    delimiter = find_delimiter(data)
    reader = csv.reader(_lines(data), delimiter=delimiter, strict=True, skipinitialspace=True)
    chunks: list[list[Cells]] = []
    between = pending = cells = 0  # empty lines above the last record, and below the last one so far
    try:
        header = next((tuple(row) for row in reader if any(row)), None)
        if header is None:
            raise TableError(
                "The file holds empty lines only. A table needs a first line with the names of its columns "
                "and a line for every plot or record."
            )
        width = len(header)
        if width > MAX_COLUMNS:
            raise TableError(_too_much(f"The first line names {width:,} columns", MAX_COLUMNS))
        while rows := list(islice(reader, max(_CHUNK_ROWS, _CHUNK // width))):
            kept = [row for row in rows if any(row)]
            if pending or len(kept) < len(rows):
                for row in rows:
                    if any(row):
                        between, pending = between + pending, 0
                    else:
                        pending += 1
            cells += width * len(kept)
            if cells > MAX_CELLS:
                raise TableError(_too_much(f"The file has {cells:,} cells or more", MAX_CELLS))
            if any(size != width for size in map(len, kept)):
                raise TableError(_ragged(data, delimiter))
            if kept:
                chunks.append([_shared(np.array(column, dtype=object)) for column in zip(*kept, strict=True)])
    except csv.Error as error:
        raise TableError(_broken_quotes(error, reader.line_num)) from None
    columns = tuple(
        np.concatenate(parts) if chunks else np.zeros(0, dtype=object)
        for parts in ([chunk[j] for chunk in chunks] for j in range(len(header)))
    )
    notes = []
    if delimiter != ",":
        notes.append(f"The fields are separated by {_DELIMITERS[delimiter]}.")
    if between:
        notes.append(f"{count(between, 'empty line')} {'was' if between == 1 else 'were'} left out.")
    return RawTable(header, columns, delimiter, tuple(notes))


def _too_much(what: str, limit: int) -> str:
    return (
        f"{what}, and {limit:,} is the most that can be read. Keep the columns and rows that the model needs."
    )


def _shared(cells: Cells) -> Cells:
    """Equal texts as one object: a column of labels then costs a pointer per row."""
    codes, texts = pd.factorize(cells)
    return np.asarray(texts, dtype=object)[codes]


def _ragged(data: bytes, delimiter: str) -> str:
    """What to say of a file whose lines differ in length: the first three, and how many there are."""
    reader = csv.reader(_lines(data), delimiter=delimiter, strict=True, skipinitialspace=True)
    width, records, wrong, longer, start = 0, 0, 0, 0, 1
    examples: list[str] = []
    try:
        for row in reader:
            here, start = start, reader.line_num + 1
            if not any(row):
                continue
            if not width:
                width = len(row)
                continue
            records += 1
            if len(row) != width:
                wrong += 1
                longer += len(row) > width
                if len(examples) < 3:
                    examples.append(f"line {here:,} has {len(row):,}")
    except csv.Error as error:
        return _broken_quotes(error, reader.line_num)
    separator = _DELIMITERS[delimiter][:-1]
    which = ", ".join(examples) + (f", and {wrong - 3:,} more are wrong" if wrong > 3 else "")
    fix = (
        f"A value that holds a {separator} needs quotes around it, and a decimal comma a point instead."
        if longer
        else f"Write a {separator} for every missing field, even at the end of a line."
    )
    return (
        f"Every line should have {count(width, 'field')}, as the first line has; {which} "
        f"({wrong:,} of {count(records, 'line')}). {fix}"
    )


def _broken_quotes(error: csv.Error, line: int) -> str:
    reason = str(error)
    if "field larger" in reason:
        return (
            f"A field that ends near line {line:,} is longer than {csv.field_size_limit():,} characters. "
            'Probably a quote (") before it is never closed: close or remove it.'
        )
    if "unexpected end of data" in reason:
        return (
            f'A quote (") is opened and not closed before the file ends (line {line:,}). Close or remove it.'
        )
    return (
        f"Line {line:,} has a quoted value with text after its closing quote. Put the quotes around the "
        'whole value, and write a quote inside a value twice ("").'
    )
