"""Arguments of public functions, held against their annotations before anything is computed.

`checked` reads what a function declares of its arguments and refuses what is of another kind in one sentence:
what is expected, what came, and what the docstring says of that argument. An argument that there is not is
refused with the nearest name. What only the function can know (levels of a column, sizes that belong
together) it checks itself.
"""

from __future__ import annotations

import inspect
import math
import os
import re
import types
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache, partial, wraps
from numbers import Integral, Real
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, overload

import numpy as np

__all__ = ["WrongArgument", "checked", "given", "nearest"]

F = TypeVar("F", bound=Callable[..., Any])

#: Characters of a value, and of what a docstring says of an argument.
_VALUE, _TOLD = 40, 240
#: What Python calls the kinds of values, in words.
_WORDS: dict[Any, tuple[str, str]] = {
    str: ("a text", "texts"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    bool: ("True or False", "True or False"),
    bytes: ("bytes", "bytes"),
}


class WrongArgument(TypeError, ValueError):
    """An argument of a kind that a function does not take, or one that it does not have."""


def nearest(name: object, names: Iterable[str]) -> str:
    """What was probably meant, as a sentence; or what there is.

    Example:
        >>> nearest("levl", ["level", "method"]), nearest("x", ["level", "method"])
        ("Did you mean 'level'?", "There are 'level' and 'method'.")
    """
    there = list(names)
    close = get_close_matches(str(name), there, n=2)
    if close:
        return f"Did you mean {' or '.join(map(repr, close))}?"
    if not there:
        return "There are none."
    return f"There {'is' if len(there) == 1 else 'are'} {_series(list(map(repr, there)), 'and')}."


def given(value: object) -> str:
    """What came, in words for a message.

    Example:
        >>> given(3), given("x"), given(None), given([]), given({"a": 1}), given(object())
        ('3', "'x'", 'None', 'an empty list', 'a dict', 'a value of the type object')
    """
    if value is None or isinstance(value, bool | Real):
        return f"{value!r:.{_VALUE}}" if not hasattr(value, "item") else f"{value!s:.{_VALUE}}"
    if isinstance(value, str):
        return repr(value if len(value) <= _VALUE else value[: _VALUE - 1] + "…")
    for kind, word in ((Mapping, "dict"), (list, "list"), (tuple, "tuple"), (set | frozenset, "set")):
        if isinstance(value, kind):
            return f"{'a' if len(value) else 'an empty'} {word}"
    if isinstance(value, type):
        return f"the type {value.__name__}"
    if callable(value) and hasattr(value, "__name__"):
        return f"the function {value.__name__}"
    return f"a value of the type {type(value).__name__}"


@overload
def checked(function: F) -> F: ...
@overload
def checked(*, own: Collection[str] | None = ()) -> Callable[[F], F]: ...
def checked(function: Any = None, *, own: Collection[str] | None = ()) -> Any:
    """A function that refuses arguments of a wrong kind in a sentence.

    Args:
        function: with annotations, and a docstring that tells its arguments under Args.
        own: arguments whose kinds the function checks itself, in words that tell more; None for all of them,
            so that only the names of arguments are looked at.

    Returns:
        The function, which raises `WrongArgument` (a TypeError and a ValueError) before it begins.

    Example:
        >>> @checked
        ... def half(size: int, *, word: Literal["up", "down"] = "up") -> int:
        ...     '''Half of a size.
        ...
        ...     Args:
        ...         size: of the whole.
        ...         word: where to round.
        ...     '''
        ...     return size // 2
        >>> half(4)
        2
        >>> half("x")
        Traceback (most recent call last):
        covstudio.arguments.WrongArgument: half: size= takes a whole number, and got 'x'. size: of the whole.
        >>> half(4, wird="up")
        Traceback (most recent call last):
        covstudio.arguments.WrongArgument: half takes no argument wird=. Did you mean 'word'?
    """
    if function is None:
        return partial(checked, own=own)
    signature = inspect.signature(function)
    known: Mapping[str, Any] = getattr(function, "__globals__", {})

    @cache
    def hints() -> dict[str, Any]:
        return {name: _hint(one.annotation, known) for name, one in signature.parameters.items()}

    @wraps(function)
    def of_its_kind(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise WrongArgument(_unbound(function, signature, args, kwargs, str(error))) from None
        for name, value in bound.arguments.items():
            if own is None or name in own:
                continue
            one = signature.parameters[name]
            each: Iterable[tuple[str, Any]] = ((name, value),)
            if one.kind is inspect.Parameter.VAR_POSITIONAL:
                each = ((f"*{name}", part) for part in value)
            elif one.kind is inspect.Parameter.VAR_KEYWORD:
                each = value.items()
            for called, part in each:
                if part is not one.default and not _fits(part, hints()[name]):
                    raise WrongArgument(_refusal(function, name, called, part, hints()[name]))
        return function(*args, **kwargs)

    return of_its_kind


def _hint(annotation: Any, known: Mapping[str, Any]) -> Any:
    """An annotation as the types that it names; Any for what is only there while types are checked."""
    if annotation is inspect.Parameter.empty:
        return Any
    if not isinstance(annotation, str):
        return annotation
    try:
        # An annotation is source of the library, as its functions are.
        return eval(annotation, dict(known))
    except (NameError, AttributeError, TypeError):
        return Any


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a kind."""
    if hint is None or hint is types.NoneType:
        return value is None
    if isinstance(hint, str | TypeVar) or hint is Any or hint is object:
        return True
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in inner)
    if hint in _WORDS:
        return _is_plain(value, hint)
    if origin is None:
        return _is_of(value, hint)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            return False
        if len(inner) == 2 and inner[1] is Ellipsis:
            return all(_fits(one, inner[0]) for one in value)
        return len(value) == len(inner) and all(map(_fits, value, inner))
    if not _is_of(value, origin):
        return False
    if issubclass(origin, Mapping):
        return all(_fits(key, inner[0]) and _fits(one, inner[1]) for key, one in value.items())
    # What is gone through once, such as a generator, is left for the function to go through.
    if (issubclass(origin, Sequence) or origin in (Iterable, set, frozenset)) and hasattr(value, "__len__"):
        return all(_fits(one, inner[0]) for one in _differing(value))
    return True


def _differing(values: Any) -> Any:
    """Of an array of numbers its first one, and a NaN where there is one; of anything else each thing.

    A column of a million rows is not walked through one by one.
    """
    if not hasattr(values, "dtype") or getattr(values, "ndim", 0) != 1 or not len(values):
        return values
    array = values.detach().cpu().numpy() if hasattr(values, "detach") else np.asarray(values)
    if array.dtype.kind not in "iuf":
        return values
    return (array[0], math.nan) if np.isnan(array).any() else (array[0],)


def _is_plain(value: Any, kind: Any) -> bool:
    """Whether a value is a text, a number or a truth value; numbers of numpy and torch are numbers."""
    if kind is str or kind is bytes:
        return isinstance(value, kind)
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        value = value.item()
    if kind is bool or isinstance(value, bool):
        return kind is bool and isinstance(value, bool)
    if kind is int:
        return isinstance(value, Integral)
    return isinstance(value, Real) and not math.isnan(value)


def _is_of(value: Any, kind: Any) -> bool:
    """Whether a value is of a class; a sequence is whatever holds things in an order and is no text."""
    if kind is Sequence:
        ordered = hasattr(value, "__len__") and hasattr(value, "__iter__") and getattr(value, "ndim", 1) != 0
        return ordered and not isinstance(value, str | bytes | Mapping | set | frozenset)
    if kind is Callable:
        return callable(value)
    if kind is Iterable:
        return hasattr(value, "__iter__") and not isinstance(value, str | bytes)
    try:
        return isinstance(value, kind)
    except TypeError:  # a protocol that does not tell at run time
        return True


def _refusal(function: Any, name: str, called: str, value: Any, hint: Any) -> str:
    """What is expected, what came, and what the argument is."""
    near = ""
    if isinstance(value, str) and (words := _literals(hint)):
        close = get_close_matches(value, words, n=1)
        near = f" Did you mean {close[0]!r}?" if close else ""
    came = given(value)
    inside = _odd_one(value, hint)
    if inside is not None:
        came += f" with {inside}"
    told = _told(function, name)
    return (
        f"{_name(function)}: {called if called.startswith('*') else called + '='} takes {_words(hint)}, "
        f"and got {came}.{near}{told}"
    )


def _literals(hint: Any) -> list[str]:
    """The words that a choice has."""
    if get_origin(hint) is Literal:
        return [one for one in get_args(hint) if isinstance(one, str)]
    if get_origin(hint) in (Union, types.UnionType):
        return [word for one in get_args(hint) for word in _literals(one)]
    return []


def _odd_one(value: Any, hint: Any) -> str | None:
    """The first thing in a list or dict that does not belong there."""
    for one in get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,):
        origin, inner = get_origin(one), get_args(one)
        if origin is None or not isinstance(origin, type) or origin is tuple or not inner:
            continue
        if issubclass(origin, Mapping) and isinstance(value, Mapping):
            for key, own in value.items():
                if not _fits(key, inner[0]):
                    return f"the name {given(key)}"
                if not _fits(own, inner[1]):
                    return f"{given(own)} for {key!r}"
        elif issubclass(origin, Sequence) and _is_of(value, Sequence):
            odd = next((own for own in value if not _fits(own, inner[0])), None)
            if len(value) and (odd is not None or None in list(value)):
                return f"{given(odd)} in it"
    return None


def _words(hint: Any, many: bool = False) -> str:
    """A kind in words."""
    if hint is None or hint is types.NoneType:
        return "None"
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        kinds = list(dict.fromkeys(_words(one, many) for one in inner if one is not types.NoneType))
        said = _series(kinds, "or")
        return f"{said}{',' if ' or ' in said else ''} or None" if types.NoneType in inner else said
    if origin is Literal:
        return _series([repr(one) for one in inner], "or")
    if hint in _WORDS:
        return _WORDS[hint][many]
    kind = origin or hint
    if kind is tuple:
        if len(inner) == 2 and inner[1] is Ellipsis:
            return f"a list of {_words(inner[0], True)}"
        return f"a pair of {_words(inner[0], True)}" if len(inner) == 2 else f"{len(inner)} values"
    if kind is Callable:
        return "functions" if many else "a function"
    if isinstance(kind, type) and issubclass(kind, os.PathLike):
        return "paths" if many else "a path"
    if isinstance(kind, type) and issubclass(kind, Mapping):
        of = _words(inner[1], True) if inner else "anything"
        return "a dict" if of == "anything" else f"a dict of {of}"
    if isinstance(kind, type) and kind in (Sequence, Iterable):
        of = _words(inner[0], True) if inner else "things"
        return f"a list of {'things' if of == 'anything' else of}"
    if hint is Any or hint is object or not isinstance(kind, type):
        return "anything"
    article = "an" if kind.__name__[0] in "AEIOU" else "a"
    return f"{kind.__name__.removesuffix('s')}s" if many else f"{article} {kind.__name__}"


def _series(words: list[str], last: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def _unbound(function: Any, signature: inspect.Signature, args: Any, kwargs: Any, said: str) -> str:
    """Why arguments are not those of a function."""
    names = [
        name
        for name, one in signature.parameters.items()
        if name != "self" and one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
    ]
    unknown = [name for name in kwargs if name not in names]
    open_ended = any(one.kind is one.VAR_KEYWORD for one in signature.parameters.values())
    if unknown and not open_ended:
        there = nearest(unknown[0], names) if names else "It takes none by name."
        return f"{_name(function)} takes no argument {unknown[0]}=. {there}"
    if (found := re.match(r"missing a required (?:keyword-only )?argument: '(\w+)'", said)) is not None:
        told = _told(function, found[1])
        return f"{_name(function)} needs {found[1]}=.{told}"
    if "multiple values" in said:
        return (
            f"{_name(function)} got an argument twice, by its place and by its name. Leave out one of them."
        )
    positional = [
        name for name in names if signature.parameters[name].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]
    most = (
        f"at most {len(positional)} arguments without names" if positional else "no arguments without names"
    )
    by_name = f"; {_series(names, 'and')} can be named" if names else ""
    return f"{_name(function)} takes {most} arguments without names{by_name}."


def _name(function: Any) -> str:
    """What a function is called in a message; a class for its constructor."""
    parts = str(function.__qualname__).split(".")
    return parts[-2] if parts[-1] == "__init__" and len(parts) > 1 else parts[-1]


def _told(function: Any, name: str) -> str:
    """What the docstring says of an argument, its first sentences, after a blank."""
    text = inspect.getdoc(function) or ""
    if function.__name__ == "__init__" and (owner := _owner(function)) is not None:
        text = inspect.getdoc(owner) or ""
    section = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", text, re.M | re.S)
    if section is None:
        return ""
    entry = re.search(rf"^    \*{{0,2}}{re.escape(name)}: (.*?)(?=^    \S|\Z)", section[1], re.M | re.S)
    if entry is None:
        return ""
    plain = " ".join(entry[1].split()).replace("`", "")
    if len(plain) > _TOLD:
        ends = [one.start() for one in re.finditer(r"[.;] ", plain[:_TOLD])]
        cut = next((end for end in reversed(ends) if plain.count("(", 0, end) == plain.count(")", 0, end)), 0)
        plain = plain[:cut] if cut else plain[: _TOLD - 1] + "…"
    return f" {name}: {plain}{'' if plain.endswith(('.', '…')) else '.'}"


def _owner(function: Any) -> Any:
    """The class of a method, where it stands in a module."""
    found = function.__globals__.get(function.__qualname__.split(".")[0])
    return found if isinstance(found, type) else None
