"""Zip archives: the one table in it, or the one of several that is said."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from pathlib import PurePosixPath

from covstudio.data.choices import Answer, Decision, Question
from covstudio.data.errors import ChoiceError, TableError, count, listed, shown, suggestion
from covstudio.data.packing import checked_archive, unpacked
from covstudio.data.readers import READERS, File, Reader, read_file, suffixes
from covstudio.data.source import RawTable

#: What lies beside tables in archives, and is none.
_BESIDE = re.compile(r"readme|licen[cs]e|changelog|metadata|codebook|citation", re.IGNORECASE)
_ASKED = 20


def read(file: File) -> RawTable:
    """The columns of the table in an archive.

    Raises:
        TableError: there is none, or it would be too large.
        ChoiceError: there is no such file in it.
    """
    with checked_archive(file.data, file.max_bytes, "The zip archive") as archive:
        parts = [part for part in archive.infolist() if not part.is_dir() and not _hidden(part.filename)]
        tables = _tables(parts)
        name, reason = _chosen(file, parts, tables)
        part = next(one for one in parts if one.filename == name)
        if part.flag_bits & 1:
            raise TableError(
                f"{shown(name)} in the zip archive has a password. Unpack it and load the file inside."
            )
        try:
            with archive.open(part) as stream:
                data = unpacked(stream, file.max_bytes, f"{shown(name)} in the zip archive")
        except (NotImplementedError, zipfile.BadZipFile) as error:
            raise TableError(
                f"{shown(name)} in the zip archive cannot be unpacked: {error}. Unpack it and load the file "
                "inside."
            ) from None
    raw = read_file(replace(file, data=data, name=name, depth=file.depth + 1))
    raw = replace(raw, decisions=(Decision("member", name, reason), *raw.decisions))
    if file.choices.member is not None:
        return raw
    if len(tables) == 1:
        return replace(raw, notes=(f"The table is {shown(name)} in the zip archive.", *raw.notes))
    answers = tuple(Answer(one, replace(file.choices, member=one)) for one in tables[:_ASKED])
    asked = Question(
        f"The zip archive has {count(len(tables), 'table')}, {listed(tables)}; {shown(name)} is read, the "
        "first of "
        "them.",
        answers,
    )
    return replace(raw, questions=(asked, *raw.questions), recorded=(*raw.recorded, "member"))


def _hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)


def _tables(parts: list[zipfile.ZipInfo]) -> list[str]:
    """The names of what may be a table: by their endings, or all where no ending tells."""
    names = [part.filename for part in parts]
    known = [name for name in names if name.casefold().endswith(suffixes())] or names
    return [name for name in known if not _BESIDE.search(PurePosixPath(name).name)] or known


def _chosen(file: File, parts: list[zipfile.ZipInfo], tables: list[str]) -> tuple[str, str]:
    """The file that is read, and why."""
    said, names = file.choices.member, [part.filename for part in parts]
    if not names:
        raise TableError("The zip archive has no file in it. Load the one that has the table.")
    if said is None:
        return tables[0], "the only table in it" if len(tables) == 1 else f"the first of {listed(tables)}"
    found = [name for name in names if said in (name, PurePosixPath(name).name)]
    if not found:
        raise ChoiceError(f"The zip archive has no file {shown(said)}. {suggestion(said, names, 'file')}")
    return found[0], "as was said"


READERS.register(
    Reader(
        "zip",
        "a zip archive",
        (".zip",),
        lambda file: "it begins as a zip archive does" if file.data.startswith(b"PK\x03\x04") else "",
        read,
        packed=True,
        order=30,
    )
)
