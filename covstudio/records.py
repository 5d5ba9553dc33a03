"""Frozen dataclasses of numbers as plain JSON values, and back by the types that their fields declare.

Every number comes back as it was: finite ones by their shortest exact decimals, infinities and NaN as texts.
A record is read against the declaration alone: nothing in it names a class or is executed, and what does not
suit is refused with its place.
"""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import numpy as np
import torch
from torch import Tensor

__all__ = ["RecordError", "from_record", "to_record"]

T = TypeVar("T")

#: How JSON says what it has no numbers for.
_ODD = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
#: Kinds of entries of arrays.
_DTYPES = ("float64", "float32", "int64", "bool")


class RecordError(ValueError):
    """A record that is not one of its type.

    Args:
        message: what was expected and what came.
        path: where in the record.
    """

    def __init__(self, message: str, path: str = "") -> None:
        self.path = path
        super().__init__(f"{path}: {message}" if path else message)


def to_record(value: Any) -> Any:
    """A value as what JSON has: mappings, lists, texts, numbers, true, false and null.

    Args:
        value: a dataclass whose fields are dataclasses, tensors, arrays, numbers, texts, tuples, mappings or
            enumerations; or a class that says by `to_record` what is kept of it.

    Raises:
        TypeError: something in it is of another kind.

    Example:
        >>> to_record((1.5, math.inf, torch.tensor([0.1, math.nan], dtype=torch.float64)))
        [1.5, 'inf', {'shape': [2], 'values': [0.1, 'nan']}]
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return _number(float(value))
    if isinstance(value, Tensor):
        return _array(value.detach().cpu().numpy())
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, Mapping):
        if all(isinstance(key, str) for key in value):
            return {key: to_record(one) for key, one in value.items()}
        return [[to_record(key), to_record(one)] for key, one in value.items()]
    if isinstance(value, tuple | list):
        return [to_record(one) for one in value]
    if hasattr(value, "to_record"):
        return to_record(value.to_record())
    if dataclasses.is_dataclass(value):
        return {
            one.name: to_record(getattr(value, one.name)) for one in dataclasses.fields(value) if one.init
        }
    raise TypeError(f"expected a dataclass of numbers and texts, got {type(value).__name__} in it")


def from_record(kind: type[T], record: Any, path: str = "") -> T:
    """The value of a type that `to_record` wrote.

    Args:
        kind: a dataclass, or any type that a field of one may declare.
        record: what JSON held.
        path: where it stands, for messages.

    Raises:
        RecordError: it is no value of this type; the message names the place.

    Example:
        >>> from_record(dict[str, float], {"rho": "-inf"})
        {'rho': -inf}
        >>> from_record(tuple[int, ...], [1, "2"])
        Traceback (most recent call last):
        covstudio.records.RecordError: [1]: expected a whole number, got '2'
    """
    return cast("T", _read(kind, record, path))


# --- writing --------------------------------------------------------------------------------------


def _number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"


def _array(array: np.ndarray[Any, Any]) -> dict[str, Any]:
    kind = array.dtype.name
    if kind not in _DTYPES:
        raise TypeError(f"expected an array of {', '.join(_DTYPES)}, got one of {kind}")
    values = array.ravel().tolist()
    if array.dtype.kind == "f" and not bool(np.isfinite(array).all()):
        values = [_number(value) for value in values]
    said = {} if kind == "float64" else {"kind": kind}
    return {"shape": list(array.shape), **said, "values": values}


# --- reading --------------------------------------------------------------------------------------


def _read(kind: Any, record: Any, path: str) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _either(get_args(kind), record, path)
    if origin is Literal:
        if any(record is one or (type(record) is type(one) and record == one) for one in get_args(kind)):
            return record
        raise _refused(f"one of {', '.join(map(repr, get_args(kind)))}", record, path)
    if kind is Tensor or origin is np.ndarray:
        array = _entries(record, path)
        return torch.from_numpy(array) if kind is Tensor else array
    if origin is tuple:
        return _tuple(get_args(kind), record, path)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping(get_args(kind), record, path)
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return _tuple((get_args(kind)[0], ...), record, path)
    return _plain(kind, record, path)


def _plain(kind: Any, record: Any, path: str) -> Any:
    if kind is float:
        if isinstance(record, str) and record in _ODD:
            return _ODD[record]
        if isinstance(record, int | float) and not isinstance(record, bool):
            return float(record)
        raise _refused("a number", record, path)
    if kind is int:
        if isinstance(record, int) and not isinstance(record, bool):
            return record
        raise _refused("a whole number", record, path)
    if kind in (str, bool, type(None)):
        if type(record) is kind:
            return record
        raise _refused({str: "a text", bool: "true or false"}.get(kind, "null"), record, path)
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(record)
        except ValueError:
            wanted = ", ".join(repr(one.value) for one in kind)
            raise _refused(f"one of {wanted}", record, path) from None
    kept = getattr(kind, "from_record", None)
    if kept is not None:
        return kept(_read(kind.Record, record, path))
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, record, path)
    raise TypeError(f"no record is of type {kind!r}")


def _refused(wanted: str, record: Any, path: str) -> RecordError:
    shown = repr(record)
    return RecordError(f"expected {wanted}, got {shown if len(shown) <= 60 else shown[:57] + '...'}", path)


def _either(kinds: tuple[Any, ...], record: Any, path: str) -> Any:
    if record is None and type(None) in kinds:
        return None
    troubles = []
    for kind in kinds:
        if kind is type(None):
            continue
        try:
            return _read(kind, record, path)
        except RecordError as error:
            troubles.append(error)
    raise troubles[0]


def _tuple(kinds: tuple[Any, ...], record: Any, path: str) -> tuple[Any, ...]:
    if not isinstance(record, list):
        raise _refused("a list", record, path)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(_read(kinds[0], one, f"{path}[{at}]") for at, one in enumerate(record))
    if len(record) != len(kinds):
        raise _refused(f"a list of {len(kinds)}", record, path)
    return tuple(
        _read(kind, one, f"{path}[{at}]") for at, (kind, one) in enumerate(zip(kinds, record, strict=True))
    )


def _mapping(kinds: tuple[Any, ...], record: Any, path: str) -> dict[Any, Any]:
    key_kind, kind = kinds
    if key_kind is str:
        if not isinstance(record, Mapping):
            raise _refused("a mapping", record, path)
        return {str(key): _read(kind, one, f"{path}.{key}") for key, one in record.items()}
    if record == {}:  # without entries nothing tells what the keys are
        return {}
    if not isinstance(record, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in record):
        raise _refused("a list of pairs", record, path)
    return {_read(key_kind, key, f"{path}[]"): _read(kind, one, f"{path}[{key}]") for key, one in record}


@cache
def _fields(kind: Any) -> tuple[dict[str, Any], frozenset[str]]:
    """The fields of a dataclass with their types, and those that have a default."""
    hints = get_type_hints(kind)
    fields = [one for one in dataclasses.fields(kind) if one.init]
    missing = dataclasses.MISSING
    optional = {
        one.name for one in fields if one.default is not missing or one.default_factory is not missing
    }
    return {one.name: hints[one.name] for one in fields}, frozenset(optional)


def _dataclass(kind: Any, record: Any, path: str) -> Any:
    if not isinstance(record, Mapping):
        raise _refused("a mapping", record, path)
    fields, optional = _fields(kind)
    absent = [name for name in fields if name not in record and name not in optional]
    if absent:
        raise RecordError(f"expected {', '.join(absent)} as well, and there is none", path)
    unknown = [str(name) for name in record if name not in fields]
    if unknown:
        raise RecordError(f"expected {', '.join(fields)}, got {', '.join(unknown)[:60]} too", path)
    return kind(
        **{name: _read(fields[name], one, f"{path}.{name}".lstrip(".")) for name, one in record.items()}
    )


def _entries(record: Any, path: str) -> np.ndarray[Any, Any]:
    if not isinstance(record, Mapping) or not {"shape", "values"} <= set(record) <= {
        "shape",
        "values",
        "kind",
    }:
        raise _refused("an array, {shape, values}", record, path)
    shape = _tuple((int, ...), record["shape"], f"{path}.shape")
    kind = record.get("kind", "float64")
    values = record["values"]
    if kind not in _DTYPES:
        raise _refused(f"one of {', '.join(_DTYPES)}", kind, f"{path}.kind")
    if not isinstance(values, list) or min(shape, default=0) < 0 or math.prod(shape) != len(values):
        raise RecordError(f"expected as many values as the shape {list(shape)} has", path)
    wanted: tuple[type, ...] = (bool,) if kind == "bool" else (int,) if kind == "int64" else (float, int)
    if not all(type(value) in wanted for value in values):
        if kind in ("bool", "int64"):
            raise RecordError(f"expected values of kind {kind}", path)
        values = [_plain(float, value, f"{path}.values[{at}]") for at, value in enumerate(values)]
    try:
        return np.array(values, dtype=kind).reshape(shape)
    except OverflowError:
        raise RecordError(f"expected values of kind {kind}, got one that is too large", path) from None
