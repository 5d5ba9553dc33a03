"""The characters that the bytes of a text stand for: shown by the bytes, or taken for certain ones and said.

UTF-8 and UTF-16 show what they are. An older encoding does not: its bytes are characters in all of them. It
is taken for the one in which the words of the file look most like words, Windows-1252 where nothing speaks
against it, and whoever asks is told what the others would give.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

import numpy as np

from covstudio.data.errors import TableError, shown

__all__ = ["Decoded", "decode", "encoding_name", "is_wide", "title_of"]

#: What Python lists among its encodings and no file is written in.
_NO_FILES = frozenset(
    {
        "idna",
        "punycode",
        "undefined",
        "unicode-escape",
        "raw-unicode-escape",
        "unicode_escape",
        "raw_unicode_escape",
    }
)
_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
#: Encodings of one byte a character, the likeliest first; what words look like tells the first three apart.
_OLDER = ("cp1252", "mac-roman", "cp850", "iso8859-1", "cp1250", "cp1251")
_TOLD_APART = 3
_TITLES = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8 with a byte order mark",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16 (little-endian)",
    "utf-16-be": "UTF-16 (big-endian)",
    "utf-32": "UTF-32",
    "cp1252": "Windows-1252 (Western Europe)",
    "iso8859-1": "Latin-1 (Western Europe)",
    "mac-roman": "Mac Roman",
    "cp850": "DOS 850 (Western Europe)",
    "cp1250": "Windows-1250 (Central Europe)",
    "cp1251": "Windows-1251 (Cyrillic)",
}
_SAMPLE = 65_536
_WORDS = re.compile(rb"[A-Za-z]*[\x80-\xff][A-Za-z\x80-\xff]*")
_MULTIBYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH = re.compile(rb"[\x80-\xff]")
_CONTROL = re.compile(rb"[\x01-\x08\x0e-\x1a\x7f]")
_USUAL = frozenset("äöüÄÖÜßéèêëàâáãåæçñíìîïóòôõøúùûœÉÈÀÁÂÅÆÇÑÓÔØÚ°µ²³±·–—’‘“”„€£§½×«»")


@dataclass(frozen=True)
class Decoded:
    """The text of a file.

    Attributes:
        utf8: the text in UTF-8, without a byte order mark.
        encoding: what it was written in, by Python's name.
        reason: why it is taken for that.
        sure: whether the bytes show it.
        others: encodings that its bytes may be in as well, each with the first word in which that makes a
            difference as it reads then; the encoding it was taken for is the first.
    """

    utf8: bytes
    encoding: str
    reason: str
    sure: bool = True
    others: tuple[tuple[str, str], ...] = ()


def encoding_name(text: str) -> str | None:
    """The name of an encoding of characters as Python spells it, or None where there is none.

    Example:
        >>> encoding_name("Windows-1252"), encoding_name("UTF8"), encoding_name("latin1"), encoding_name("x")
        ('cp1252', 'utf-8', 'iso8859-1', None)
    """
    try:
        found = codecs.lookup(text).name
        b"a".decode(found, "replace")  # what is no encoding of texts (base64, rot13) is refused here
    except (LookupError, ValueError):
        return None
    return None if found in _NO_FILES else found


def title_of(encoding: str) -> str:
    """An encoding by the name that people know it by.

    Example:
        >>> title_of("cp1252"), title_of("koi8-r")
        ('Windows-1252 (Western Europe)', 'koi8-r')
    """
    return _TITLES.get(encoding, encoding)


def is_wide(data: bytes) -> str | None:
    """The encoding of a text of two or four bytes a character, by its mark or by its zero bytes; else None.

    Example:
        >>> is_wide("a,b".encode("utf-16")), is_wide("gen,rep".encode("utf-16-be")), is_wide(b"a,b")
        ('utf-16', 'utf-16-be', None)
    """
    marked = _marked(data)
    if marked is not None:
        return None if marked == "utf-8-sig" else marked
    sample = np.frombuffer(data[:1000], dtype=np.uint8)
    zeros = (np.count_nonzero(sample[::2] == 0), np.count_nonzero(sample[1::2] == 0))
    if len(sample) < 2 or max(zeros) <= 0.2 * len(sample) or min(zeros) > 0.05 * len(sample):
        return None
    return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"


def decode(data: bytes, said: str | None = None) -> Decoded:
    """The text in the bytes of a file.

    Args:
        data: the bytes.
        said: the encoding that a person says they are in.

    Raises:
        TableError: they are in no encoding that can be told, or not in the one that was said.

    Example:
        >>> found = decode("Käse".encode("cp1252"))
        >>> found.utf8.decode(), found.encoding, found.sure
        ('Käse', 'cp1252', False)
        >>> decode("Käse".encode("mac-roman")).encoding, decode("Käse".encode("utf-16")).encoding
        ('mac-roman', 'utf-16')
    """
    if said is not None:
        marked = _marked(data)
        # Whoever says UTF-8 need not say whether a mark stands before it.
        encoding = "utf-8-sig" if said == "utf-8" and marked == "utf-8-sig" else said
        return Decoded(_utf8(data, encoding, "was said to be"), said, "as was said")
    if (marked := _marked(data)) is not None:
        return Decoded(_utf8(data, marked, "begins as"), marked, "its first bytes are the mark of it")
    if (wide := is_wide(data)) is not None:
        return Decoded(_utf8(data, wide, "looks like"), wide, "every other byte is zero")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return _older(data, error)
    return Decoded(
        data, "utf-8", "ASCII alone" if data.isascii() else "all bytes belong to characters of UTF-8"
    )


def _marked(data: bytes) -> str | None:
    return next((encoding for mark, encoding in _MARKS if data.startswith(mark)), None)


def _utf8(data: bytes, encoding: str, how: str) -> bytes:
    try:
        return data.decode(encoding).encode("utf-8")
    except UnicodeError as error:
        place = f"byte {error.start + 1:,}" if isinstance(error, UnicodeDecodeError) else "a character"
        raise TableError(
            f"The file {how} {title_of(encoding)}, and {place} of it is no character in that. Say another "
            "encoding (the choice 'encoding'), or save the file as UTF-8."
        ) from None


def _older(data: bytes, error: UnicodeDecodeError) -> Decoded:
    """The text of a file in an encoding of one byte a character."""
    line = data.count(b"\n", 0, error.start) + 1
    byte = f"byte {error.start + 1:,} (0x{data[error.start]:02x}, in line {line:,})"
    if control := _CONTROL.search(data[:_SAMPLE].rstrip(b"\x1a")):
        raise TableError(
            f"A table was expected, and this is a binary file (byte {control.start() + 1:,} is no "
            "character). Export the table as csv or xlsx from the program that wrote it, and load that file."
        )
    sequences = sum(map(len, _MULTIBYTE.findall(data)))
    if sequences > len(_HIGH.findall(data)) / 2:
        raise TableError(
            f"The file is UTF-8 but for {byte}, which does not belong to a character: two files of different "
            "encodings may have been joined. Mend that character, or say how the whole file is to be read "
            "(the choice 'encoding')."
        )
    words = list(dict.fromkeys(_WORDS.findall(data)))[:2000]
    joined = b"\n".join(words)
    texts = {one: decoded for one in _OLDER if (decoded := _read(joined, one)) is not None}
    best = max(list(texts)[:_TOLD_APART], key=lambda one: _likeness(texts[one]))
    read = {encoding: text.split("\n") for encoding, text in texts.items()}
    others = {best: read[best][0]}
    for encoding, text in read.items():
        differs = next((place for place, word in enumerate(text) if word != read[best][place]), None)
        if differs is not None and text[differs].isprintable():
            others.setdefault(encoding, text[differs])
    reason = f"{byte} is none of UTF-8; a word reads {shown(read[best][0])}"
    return Decoded(_utf8(data, best, "looks like"), best, reason, False, tuple(others.items()))


def _read(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _likeness(text: str) -> int:
    """How much words look like words: usual characters, no capitals or signs amid small letters."""
    found = 0
    for word in text.split("\n"):
        for before, char, after in zip(f" {word}", word, f"{word[1:]} ", strict=False):
            if char.isascii():
                continue
            if char.isupper():
                odd = before.islower() or (before.isalpha() and after.islower())
            else:
                odd = not char.isalpha() and before.isalpha() and after.isalpha() and char != "’"
            usual = char in _USUAL and (char.isalpha() or not before.isalpha())
            found += -2 if odd or not char.isprintable() else usual
    return found
