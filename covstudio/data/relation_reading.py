"""Second tables from what people hold them in: files, frames, arrays; what kind they are is seen, or said."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import pandas as pd

from covstudio.arguments import checked
from covstudio.data.errors import TableError, came, listed, shown
from covstudio.data.relation import KINDS, MAX_CALLS, UNKNOWN_PARENTS, Kind, Relation

__all__ = ["read_relation", "relation_of"]

#: The largest file of a second table.
MAX_BYTES = 400_000_000
_PARENTS = re.compile(
    r"(?i)^(sire|dam|father|mother|mum|dad|male|female|parent.*|p[12]|pollen|seed|vater|mutter)$"
)
_INVERSE = re.compile(r"(?i)inv")
_SEPARATORS = (",", ";", "\t", "|")


@checked
def read_relation(
    source: str | os.PathLike[str] | bytes, kind: Kind | None = None, *, name: str | None = None
) -> Relation:
    """Read a pedigree, markers, a relationship matrix or an inverse from a csv file.

    - A pedigree has the individual, its sire and its dam in the first three columns.
    - Markers have the individual in the first column and counts of an allele in all others.
    - A matrix has the individuals in the first line and the first column; or each entry has a line, with two
      individuals and a number: of the lower triangle, in any order, an inverse for instance.

    Args:
        source: the path of a file, or its content.
        kind: what it is; seen from its columns when left out, a matrix being the relationship itself unless a
            column or the file says "inverse".
        name: what to call it; by default the file's name.

    Raises:
        TableError: it is none of these.

    Example:
        >>> read_relation(b"id,sire,dam\\ncalf,bull,cow\\nbull,,\\ncow,0,0\\n", name="herd")
        Relation('herd', pedigree of 3 individuals)
        >>> read_relation(b",a,b\\na,1,0.5\\nb,0.5,1\\n", name="K").matrix().tolist()
        [[1.0, 0.5], [0.5, 1.0]]
        >>> read_relation(b"row,column,Ainverse\\na,a,1.5\\nb,a,-1\\nb,b,2\\n", name="ainv").kind
        'inverse'
    """
    if isinstance(source, bytes):
        data, called = source, name or "table"
    else:
        path = Path(source)
        called = name or path.name
        try:
            if path.stat().st_size > MAX_BYTES:
                raise TableError(f"{path.name} has more than {MAX_BYTES:,} bytes. Thin it, or divide it.")
            data = path.read_bytes()
        except OSError as error:
            raise TableError(
                f"The file {path} cannot be read: {error.strerror or error}. Check its path."
            ) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    return relation_of(_frame(text, called), kind, name=called)


def _frame(text: str, name: str) -> pd.DataFrame:
    """The cells of a file as texts: a second table has no roles, dates or decimal commas to be guessed."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if len(lines) < 2:
        raise TableError(f"{name} has no rows below its first line. Give a line for every individual.")
    counts = {mark: lines[1].count(mark) for mark in _SEPARATORS}
    mark = max(counts, key=lambda one: counts[one])
    separator = mark if counts[mark] else r"\s+"
    head = [cell.strip().strip('"') for cell in (lines[0].split(mark) if counts[mark] else lines[0].split())]
    width = len(lines[1].split(mark)) if counts[mark] else len(lines[1].split())
    # R's write.table leaves out the name of the row names.
    names = ["", *head] if len(head) == width - 1 else head
    try:
        frame: pd.DataFrame = pd.read_csv(
            StringIO("\n".join(lines[1:])),
            sep=separator,
            header=None,
            dtype=str,
            keep_default_na=False,
            skipinitialspace=True,
        )
    except (pd.errors.ParserError, ValueError) as error:
        raise TableError(f"{name} is no table of equally long lines: {error}".rstrip() + ".") from None
    if frame.shape[1] != len(names):
        raise TableError(
            f"{name} has {len(names)} names in its first line and {frame.shape[1]} fields below. Name "
            "every column."
        )
    frame.columns = pd.Index(names)
    return frame


@checked
def relation_of(
    data: Any, kind: Kind | None = None, *, name: str = "", ids: Sequence[str] | None = None
) -> Relation:
    """A relation from data in any of the usual forms.

    Args:
        data: a `Relation`; a DataFrame; a `Table`; rows (individual, sire, dam); a square array; a
            path.
        kind: what it is; seen from it when left out.
        name: what to call it.
        ids: the individuals of an array without names.

    Raises:
        TableError: it is none of these, or an array has no names.
    """
    if kind is not None and kind not in KINDS:
        raise TableError(f"A second table is {listed(KINDS, word='or')}; got {came(kind)}.")
    if isinstance(data, Relation):
        if kind is not None and data.kind != kind:
            raise TableError(f"{data.name or 'The table'} is {data.what}, and {kind!r} is said.")
        return data.named(name) if name and not data.name else data
    if isinstance(data, str | os.PathLike):
        return read_relation(data, kind)
    frame = getattr(data, "frame", data)
    if isinstance(frame, pd.DataFrame):
        return _of_frame(frame, kind, name or getattr(data, "name", ""))
    if hasattr(data, "individuals") and hasattr(data, "sires"):
        who = data.individuals
        rows = [
            (label, who[s] if s >= 0 else None, who[d] if d >= 0 else None)
            for label, s, d in zip(who, data.sires, data.dams, strict=True)
        ]
        return Relation.of_pedigree(rows, name)
    if (
        isinstance(data, list | tuple)
        and data
        and all(_is_row(row) for row in data)
        and kind in (None, "pedigree")
    ):
        return Relation.of_pedigree(data, name)
    values = np.asarray(data.detach().cpu().numpy() if hasattr(data, "detach") else data)
    if values.ndim != 2 or values.dtype.kind not in "fiub":
        raise TableError("A second table is a DataFrame, rows (individual, sire, dam), an array or a file.")
    if ids is None:
        raise TableError(
            "This array has no names for its rows. Give a DataFrame whose rows are named after the "
            "individuals."
        )
    if len(ids) != len(values):
        raise TableError(
            f"This array has {len(values)} rows without names, and the factor {len(ids)} levels. Give a "
            "DataFrame "
            "whose rows are named after the levels."
        )
    if kind == "markers" or (kind is None and values.shape[0] != values.shape[1]):
        return Relation.of_markers(ids, values, name)
    return Relation.of_matrix(ids, values, _matrix_kind(kind, name), name)


def _is_row(row: Any) -> bool:
    return isinstance(row, list | tuple) and len(row) == 3 and isinstance(row[0], str)


def _matrix_kind(kind: Kind | None, *said: str) -> Literal["relationship", "inverse"]:
    if kind is not None:
        return cast("Literal['relationship', 'inverse']", kind)
    return "inverse" if any(_INVERSE.search(text) for text in said) else "relationship"


def _of_frame(frame: pd.DataFrame, kind: Kind | None, name: str) -> Relation:
    columns = [str(column) for column in frame.columns]
    indexed = not isinstance(frame.index, pd.RangeIndex)
    rows, width = frame.shape
    # The names of the rows are the index, the first column, or those of the columns.
    if kind in (None, "relationship", "inverse"):
        if width == rows and indexed:
            return _matrix(frame, list(frame.index), columns, kind, name)
        if width == rows + 1:
            ids = [str(one).strip() for one in frame.iloc[:, 0]]
            if set(ids) == set(columns[1:]) or _is_symmetric(frame.iloc[:, 1:]):
                return _matrix(frame.iloc[:, 1:], ids, columns[1:], kind, name)
        if width == rows and _is_symmetric(frame):
            return _matrix(frame, columns, columns, kind, name)
    if kind == "pedigree" or (kind is None and _is_pedigree(frame, columns)):
        if width < 3:
            raise TableError(
                f"A pedigree has three columns, individual, sire and dam; {name or 'this'} has {width}."
            )
        cells = (list(frame.iloc[:, k]) for k in range(3))
        return Relation.of_pedigree(list(zip(*cells, strict=True)), name)
    if width == 3 and kind != "markers" and not indexed:
        try:
            entries = pd.to_numeric(frame.iloc[:, 2]).to_numpy(dtype=np.float64)
        except (ValueError, TypeError):
            raise TableError(
                f"The columns of {name or 'this table'} are {listed(columns)}. A pedigree has individual, "
                "sire and dam; "
                "a matrix two individuals and a number in each row. Say which it is."
            ) from None
        which = _matrix_kind(kind, columns[2], name)
        return Relation.of_entries(list(frame.iloc[:, 0]), list(frame.iloc[:, 1]), entries, which, name)
    if kind in (None, "markers") and (width > 3 or kind == "markers" or (indexed and width)):
        ids = list(frame.index) if indexed else list(frame.iloc[:, 0])
        calls = frame if indexed else frame.iloc[:, 1:]
        if calls.size > MAX_CALLS:
            raise TableError(f"There are {calls.size:,} calls; the most is {MAX_CALLS:,}. Thin the markers.")
        return Relation.of_markers(ids, _numbers(calls, name), name)
    raise TableError(
        f"{name or 'The table'} has {rows:,} rows and {width:,} columns, and is no pedigree (individual, "
        "sire, dam), no "
        "markers (individual, then counts), and no matrix (individuals along both sides, or individual, "
        "individual, entry)."
    )


def _matrix(
    frame: pd.DataFrame, ids: Sequence[Any], columns: Sequence[str], kind: Kind | None, name: str
) -> Relation:
    """A square matrix; columns in another order than the rows are put in theirs."""
    made = Relation.of_matrix(ids, np.zeros((len(ids), len(ids))), "relationship", name).ids
    named = not isinstance(frame.columns, pd.RangeIndex)
    if named and len(ids) == frame.shape[1] and set(columns) == set(made) and tuple(columns) != made:
        frame = frame.iloc[:, [columns.index(label) for label in made]]
    return Relation.of_matrix(ids, _numbers(frame, name), _matrix_kind(kind, name), name)


def _is_symmetric(frame: pd.DataFrame) -> bool:
    """Whether a square table is a symmetric matrix of numbers."""
    cells = frame.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    return bool(np.isfinite(cells).all()) and bool(
        np.allclose(cells, cells.T, atol=1e-4 * np.abs(cells).max())
    )


def _is_pedigree(frame: pd.DataFrame, columns: Sequence[str]) -> bool:
    """Whether the second and third column name parents: by their heads, or by who is in them."""
    if len(columns) < 3:
        return False
    if all(_PARENTS.match(column.strip()) for column in columns[1:3]):
        return True
    if len(columns) != 3:
        return False
    first, sires, dams = (frame.iloc[:, k].astype(str).str.strip() for k in range(3))
    if first.duplicated().any():
        return False
    known = [one for side in (sires, dams) for one in side if one not in UNKNOWN_PARENTS and one != "nan"]
    return not known or len(set(known) & set(first)) >= 0.3 * len(set(known))


def _numbers(frame: pd.DataFrame, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The numbers of a table; cells that are empty or NA are NaN."""
    if all(dtype.kind in "fiub" for dtype in frame.dtypes):
        return frame.to_numpy(dtype=np.float64)
    cells = frame.to_numpy(dtype=object)
    texts = np.char.strip(cells.astype(str))
    texts = np.where(np.isin(texts, ("", "NA", "None", ".", "<NA>")), "nan", texts)
    try:
        return texts.astype(np.float64)
    except ValueError:
        flat = texts.ravel()
        odd = next(k for k, text in enumerate(flat) if not _is_number(text))
        row, column = divmod(odd, texts.shape[1])
        raise TableError(
            f"{name or 'The table'} has {shown(flat[odd])} in row {row + 1} under "
            f"{shown(frame.columns[column])}, "
            "where a number is expected."
        ) from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
