"""Whatever stands in the place of an argument: a sentence says what is wrong, or it is taken."""

from __future__ import annotations

import ast
import inspect
import linecache
import math
import warnings
from collections.abc import Sequence
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
import torch

import covstudio
from covstudio import arguments
from covstudio.arguments import WrongArgument, checked, given, nearest
from covstudio.plots.picture import FIT_PICTURES, MATRIX_PICTURES
from tests.arguments.argument_cases import CASES, OF_FITS, OF_MATRICES, WRONG, Made

PACKAGE = Path(covstudio.__file__).parent
#: What Python, numpy and torch say of a wrong argument.
FOREIGN = (
    "has no attribute",
    "is not iterable",
    "not subscriptable",
    "unhashable",
    "not callable",
    "not supported between",
    "unexpected keyword",
    "positional argument",
    "truth value",
    "could not be broadcast",
    "os.PathLike",
    "Errno",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("arguments"))


@cache
def raises(file: str) -> list[range]:
    """The lines of the statements of a file that raise something."""
    tree = ast.parse("".join(linecache.getlines(file)))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Raise)]
    return [range(node.lineno, (node.end_lineno or node.lineno) + 1) for node in found]


def raised(error: BaseException) -> bool:
    """Whether an error was raised by a statement of covstudio's, and did not happen to it."""
    trace: TracebackType | None = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    assert trace is not None
    file, line = trace.tb_frame.f_code.co_filename, trace.tb_lineno
    return Path(file).is_relative_to(PACKAGE) and any(line in lines for lines in raises(file))


def answers(ask: Any, places: list[Any], names: dict[str, Any]) -> str:
    """What is wrong with an answer to wrong arguments; "" where it is a sentence."""
    try:
        found = ask(*places, **names)
    except Exception as error:
        said = str(error)
        if not raised(error):
            return f"Python's own {type(error).__name__}: {said}"
        if any(words in said for words in FOREIGN):
            return f"words of Python's: {said}"
        if len(said.split()) < 6:
            return f"no sentence: {said}"
        return ""
    return f"taken, and gave {found!r:.80}"


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_said_in_a_sentence(
    name: str, made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    case = CASES[name]
    ask, names = case.ask(made), case.given(made)
    places = list(names.pop("*", []))
    faults = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # What is right is taken, or nothing below would say anything.
        ask(*places, **names)
        for slot in [*(f"*{k}" for k in range(len(places))), *names]:
            for key, value in WRONG.items():
                if key in case.takes.get(slot, ()):
                    continue
                by_place, by_name = list(places), dict(names)
                if slot.startswith("*"):
                    by_place[int(slot[1:])] = value
                else:
                    by_name[slot] = value
                if wrong := answers(ask, by_place, by_name):
                    faults.append(f"{slot} = {key}: {wrong}")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.closed])
def test_an_argument_that_there_is_not_is_told_by_name(name: str, made: Made) -> None:
    case = CASES[name]
    names = case.given(made)
    places = list(names.pop("*", []))
    with pytest.raises(ValueError, match="nonsuch"):
        case.ask(made)(*places, **{**names, "nonsuch": 1})


def bare(function: Any) -> Any:
    """A function without what stands around it."""
    while isinstance(function, partial):
        function = function.func
    function = inspect.unwrap(getattr(function, "__func__", function))
    return function if inspect.isfunction(function) else inspect.unwrap(type(function).__call__)


def public_functions() -> dict[str, Any]:
    """Functions that packages hand out to whoever imports them."""
    found: dict[str, Any] = {}
    faces = ["covstudio", "formula", "design", "choosing", "reporting"]
    for face in faces:
        module = import_module("covstudio" if face == "covstudio" else f"covstudio.{face}")
        listed = list(module._LATER) if face == "covstudio" else module.__all__
        for name in listed:
            one = getattr(module, name)
            if inspect.isfunction(one):
                found[f"{face}.{name}"] = one
    return found


def test_every_public_function_is_walked_over(made: Made) -> None:
    walked = {bare(case.ask(made)) for case in CASES.values()}
    left = [name for name, one in public_functions().items() if inspect.unwrap(one) not in walked]
    # `explore` opens the app.
    assert left == ["covstudio.explore"]


def test_every_question_to_a_fit_is_walked_over(made: Made) -> None:
    """Methods of a fit, of its means and of a comparison that take something."""
    walked = {bare(case.ask(made)) for case in CASES.values()}
    for kind in (type(made.found), type(made.means), type(made.comparison), type(made.expected)):
        for name, method in inspect.getmembers(kind, inspect.isfunction):
            if not name.startswith("_") and len(inspect.signature(method).parameters) > 1:
                assert inspect.unwrap(method) in walked, f"{kind.__name__}.{name}"


def test_every_option_of_a_picture_is_walked_over() -> None:
    # A correlogram takes what a variogram does, and the places of a contour are told in its own tests.
    same = {"correlogram": OF_FITS["variogram"], "contour": {**OF_FITS["contour"], "x": None, "y": None}}
    for pictures, walked in ((FIT_PICTURES, {**OF_FITS, **same}), (MATRIX_PICTURES, OF_MATRICES)):
        for picture in pictures:
            for name in list(inspect.signature(picture.numbers).parameters)[1:]:
                assert name in walked[picture.name], picture.name


def test_annotations_of_walked_functions_are_known(made: Made) -> None:
    """A hint that is only imported for type checkers would be taken for anything."""
    from covstudio.arguments import _hint

    for name, case in CASES.items():
        function = bare(case.ask(made))
        for one in inspect.signature(function).parameters.values():
            if isinstance(one.annotation, str) and one.annotation != "Any":
                known = {**function.__globals__, "pd": import_module("pandas")}
                hint = _hint(one.annotation, function.__globals__)
                assert hint is not Any or _hint(one.annotation, known) is not Any, (name, one)


@checked
def asked(
    size: int,
    *rest: str,
    word: Literal["up", "down"] | None = None,
    named: dict[str, float] | None = None,
    **more: bool,
) -> int:
    """Asked.

    Args:
        size: of the whole. With more to say (in brackets; as here) than there is room for, so that what comes
            after two hundred and forty characters of it is left out, wherever that is in the text, which goes
            on and on and on, and never ends.
        word: where to go.
    """
    return size + len(rest) + len(more)


def test_a_call_that_is_right_goes_through() -> None:
    assert asked(1, "a", "b", word="up", named={"x": 2}, loud=True) == 4
    assert asked(size=1) == 1


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: asked("x"), "asked: size= takes a whole number, and got 'x'. size: of the whole."),
        (lambda: asked(True), "size= takes a whole number, and got True."),
        (lambda: asked(1, 2), "asked: *rest takes a text, and got 2."),
        (lambda: asked(1, word="dwn"), "takes 'up' or 'down', or None, and got 'dwn'. Did you mean 'down'?"),
        (
            lambda: asked(1, named={"x": "y"}),
            "a dict of numbers or None, and got a dict with 'y' for 'x'.",
        ),
        (lambda: asked(1, loud=3), "loud= takes True or False, and got 3."),
        (lambda: asked(), "asked needs size=. size: of the whole."),
        (lambda: asked(1, size=2), "asked got an argument twice, by its place and by its name."),
    ],
)
def test_sentences(call: Any, said: str) -> None:
    with pytest.raises(WrongArgument) as caught:
        call()
    assert said in str(caught.value)
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, ValueError)


def test_words_for_what_came() -> None:
    assert [given(one) for one in (len, int, (), {1})] == [
        "the function len",
        "the type int",
        "an empty tuple",
        "a set",
    ]
    assert given("a" * 100).endswith("…'")
    assert nearest("x", []) == "There are none."


@checked
def mean_of(values: Sequence[float]) -> float:
    """The mean.

    Args:
        values: whose mean it is.
    """
    return sum(values[:2]) / 2


@pytest.mark.parametrize("made_of", [np.asarray, torch.tensor, pd.Series])
def test_an_array_of_numbers_is_judged_without_a_look_at_each(
    made_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Any] = []
    plain = arguments._is_plain
    monkeypatch.setattr(arguments, "_is_plain", lambda *one: (looked.append(one), plain(*one))[1])
    assert mean_of(made_of([1.0, 2.0] * 500)) == 1.5
    assert mean_of(made_of([1, math.inf] * 500)) == math.inf
    assert len(looked) == 2
    with pytest.raises(WrongArgument, match="takes a list of numbers"):
        mean_of(made_of([1.0, 2.0] * 500 + [math.nan]))
    with pytest.raises(WrongArgument, match="takes a list of numbers"):
        mean_of(made_of([True, False]))
