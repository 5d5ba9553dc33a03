"""The kind of a file: UTF-8 text, or something that is often uploaded in its place, by its name."""

from __future__ import annotations

import re

import numpy as np

from covstudio.data.errors import TableError

_SAMPLE = 65_536
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
