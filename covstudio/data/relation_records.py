"""Relations as JSON's own values, exact: small ones to be read, large numbers packed."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covstudio.arguments import checked
from covstudio.data.errors import TableError, came, listed
from covstudio.data.relation import KINDS, MAX_CALLS, MAX_DENSE, Relation

__all__ = ["relation_from", "relation_record"]

#: More numbers than these are packed: 8 bytes each, little-endian, deflated, in base 64.
READABLE = 20_000
_CALLS = "012."


@checked
def relation_record(relation: Relation) -> dict[str, Any]:
    """What `relation_from` reads back to an equal relation.

    Example:
        >>> made = Relation.of_pedigree([("calf", "bull", ""), ("bull", "", "")], "herd")
        >>> relation_record(made)
        {'kind': 'pedigree', 'name': 'herd', 'rows': [['calf', 'bull', ''], ['bull', '', '']]}
        >>> relation_from(relation_record(made)) == made
        True
    """
    head: dict[str, Any] = {"kind": relation.kind, "name": relation.name}
    if relation.kind == "pedigree":
        return {**head, "rows": [[own, sire or "", dam or ""] for own, sire, dam in relation.pedigree()]}
    head["ids"] = list(relation.ids)
    if relation.kind == "markers":
        codes = np.where(np.isnan(relation.numbers), 3.0, relation.numbers)
        if np.isin(codes, (0.0, 1.0, 2.0, 3.0)).all():
            letters = np.array(list(_CALLS))[codes.astype(np.int64)]
            return {**head, "calls": ["".join(row) for row in letters]}
        return {**head, "markers": relation.numbers.shape[1], "dosages": _numbers(relation.numbers.ravel())}
    if relation.kind == "inverse":
        return {
            **head,
            "rows": _places(relation.places[0]),
            "columns": _places(relation.places[1]),
            "entries": _numbers(relation.numbers),
        }
    lower = relation.numbers[np.tril_indices(len(relation.ids))]
    return {**head, "lower": _numbers(lower)}


@checked
def relation_from(record: Mapping[str, Any]) -> Relation:
    """The relation in a record.

    Raises:
        TableError: it is none.
    """
    try:
        return _read(record)
    except TableError:
        raise
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        raise TableError(
            "This is no second table as covstudio keeps them. Leave it out, and add it anew from its file."
        ) from None


def _read(record: Mapping[str, Any]) -> Relation:
    kind, name = record.get("kind"), record.get("name", "")
    if not isinstance(name, str):
        raise TableError(f"The name of a second table is text; got {came(name)}.")
    if not isinstance(kind, str) or kind not in KINDS:
        raise TableError(f"A second table is of a kind out of {', '.join(KINDS)}; got {came(kind)}.")
    known = {
        "pedigree": {"rows"},
        "markers": {"ids", "calls"} if "calls" in record else {"ids", "markers", "dosages"},
        "inverse": {"ids", "rows", "columns", "entries"},
        "relationship": {"ids", "lower"},
    }[kind]
    odd = set(record) ^ (known | {"kind", "name"})
    if odd - {"name"}:
        raise TableError(
            f"A second table of this kind has {', '.join(sorted(known))}; here it is otherwise with "
            f"{listed(sorted(odd - {'name'}))}."
        )
    if kind == "pedigree":
        rows = [tuple(_list(row, "Each row of a pedigree")) for row in _list(record["rows"], "The pedigree")]
        if not all(len(row) == 3 and all(isinstance(one, str) for one in row) for row in rows):
            raise TableError("A row of a pedigree is three texts: individual, sire and dam.")
        made = Relation.of_pedigree(rows, name)
        return Relation("pedigree", made.ids, name, parents=made.parents)
    ids = record["ids"]
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise TableError("The individuals of a second table are a list of texts.")
    if kind == "markers":
        return Relation("markers", tuple(ids), name, numbers=_calls(record, len(ids)))
    if kind == "relationship":
        n = len(ids)
        if n > MAX_DENSE:
            raise TableError(
                f"A relationship matrix of {n:,} individuals is too large; the most is {MAX_DENSE:,}."
            )
        matrix = np.zeros((n, n))
        matrix[np.tril_indices(n)] = _unpacked(record["lower"], n * (n + 1) // 2)
        return Relation.of_matrix(ids, matrix + np.tril(matrix, -1).T, "relationship", name)
    entries = _unpacked(record["entries"])
    places = np.stack([_unpacked(record[side], len(entries)) for side in ("rows", "columns")])
    if not np.array_equal(places, np.round(places)) or (
        len(entries) and not 0 <= places.min() <= places.max() < len(ids)
    ):
        raise TableError("The entries of an inverse stand in rows and columns counted from 0.")
    at = places.astype(np.int64)
    return Relation(
        "inverse", tuple(ids), name, numbers=entries, places=np.stack([at.max(axis=0), at.min(axis=0)])
    )


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise TableError(f"{what}: a list is expected; got {came(value)}.")
    return list(value)


def _calls(record: Mapping[str, Any], n: int) -> NDArray[np.float64]:
    if "calls" not in record:
        markers = record["markers"]
        if type(markers) is not int or markers < 0:
            raise TableError(f"The number of markers is a whole number; got {came(markers)}.")
        return _unpacked(record["dosages"], n * markers).reshape(n, markers)
    lines = _list(record["calls"], "The calls of markers")
    if (
        not all(isinstance(line, str) for line in lines)
        or len(lines) != n
        or len({len(line) for line in lines}) != 1
        or not set("".join(lines)) <= set(_CALLS)
    ):
        raise TableError(
            "The calls of markers are one text of 0, 1, 2 and . for each individual, equally long."
        )
    codes = np.frombuffer("".join(lines).encode("ascii"), dtype=np.uint8).reshape(n, -1)
    return np.where(codes == ord("."), np.nan, codes.astype(np.float64) - ord("0"))


def _places(values: NDArray[np.int64]) -> Any:
    return values.tolist() if len(values) <= READABLE else _packed(values.astype(np.float64))


def _numbers(values: NDArray[np.float64]) -> Any:
    if len(values) <= READABLE and np.isfinite(values).all():
        return values.tolist()
    return _packed(values)


def _packed(values: NDArray[np.float64]) -> dict[str, Any]:
    raw = zlib.compress(np.ascontiguousarray(values, dtype="<f8").tobytes(), 6)
    return {"count": len(values), "packed": base64.b64encode(raw).decode("ascii")}


def _unpacked(value: Any, count: int | None = None) -> NDArray[np.float64]:
    """Numbers as they were; no more of them than are told, and no more than may be."""
    if isinstance(value, Mapping):
        told, packed = value.get("count"), value.get("packed")
        if type(told) is not int or not isinstance(packed, str):
            raise TableError(
                "Packed numbers of a second table are their count, a number, and a text, packed."
            )
        if not 0 <= told <= MAX_CALLS:
            raise TableError(f"A second table has at most {MAX_CALLS:,} numbers; got {came(told)}.")
        try:
            reader = zlib.decompressobj()
            raw = reader.decompress(base64.b64decode(packed, validate=True), 8 * told + 1)
        except (zlib.error, binascii.Error, ValueError):
            raise TableError(
                "The packed numbers of a second table are damaged. Add it anew from its file."
            ) from None
        numbers = np.frombuffer(raw, dtype="<f8") if len(raw) == 8 * told else np.zeros(0)
    else:
        for one in _list(value, "The numbers of a second table"):
            if isinstance(one, bool) or not isinstance(one, int | float):
                raise TableError(f"The numbers of a second table are numbers; got {came(one)}.")
        told, numbers = len(value), np.array(value, dtype=np.float64)
    if len(numbers) != told or (count is not None and told != count):
        raise TableError(
            f"A second table has {told if count is None else count:,} numbers here; got {len(numbers):,}."
        )
    return numbers.astype(np.float64)
