"""The kind of a file: a text, or something else that is often uploaded in its place, by its name."""

from __future__ import annotations

import re

from covstudio.data.encoding import is_wide

_SAMPLE = 65_536
_EXPORT = "Export the table as csv or xlsx, and load that file"

#: The first bytes of files that are no text and that no reader takes.
_SIGNATURES = (
    (b"%PDF", "a PDF document"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
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


#: How JSON may begin: a name such as {{x}} at the head of a column does not.
_JSON = re.compile(rb"\s*(?:\{\s*(?:\"|\}\s*$)|\[\s*(?:[\"\[{]|\]\s*$))")


def other_kind(data: bytes, wide: bool = False) -> str | None:
    """What a file is that is no text, in a sentence with the fix; None for a text, whatever its encoding.

    Args:
        data: its bytes.
        wide: whether it is said to be a text of two or four bytes a character.

    Example:
        >>> other_kind(b"%PDF-1.7")
        'A table was expected, and this is a PDF document. Export the table as csv or xlsx, and load ...
        >>> other_kind(b"gen,yield")
    """
    start = data.removeprefix(b"\xef\xbb\xbf")
    for signature, kind in _SIGNATURES:
        if start[: len(signature)].lower() == signature.lower():
            fix = "Unpack it and load the file inside" if "archive" in kind else _EXPORT
            return f"A table was expected, and this is {kind}. {fix}."
    if _JSON.match(start) and b"\x00" not in data[:_SAMPLE]:
        if b'"covstudio"' in data[:_SAMPLE]:
            return (
                "A table was expected, and this is a covstudio model. Open it as a model, and load the "
                "table it belongs to here."
            )
        return (
            "A table was expected, and this is JSON. Save the records as csv, one line each, and load "
            "that file."
        )
    if not wide and (zero := data.find(b"\x00")) >= 0 and is_wide(data) is None:
        return f"A table was expected, and this is a binary file (byte {zero + 1:,} is zero). {_EXPORT}."
    return None
