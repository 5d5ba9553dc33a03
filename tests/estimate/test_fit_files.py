"""A fit that is saved and read back: every number is what it was, and what is no saved fit is refused."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import covstudio
from covstudio.covariance import ScalarMatrix, Sum
from covstudio.data.choices import TableChoices
from covstudio.data.examples import load_example
from covstudio.document.changes.all import SetChoices, SetDerived, SetMethod
from covstudio.document.files.templates import templates
from covstudio.estimate import estimate
from covstudio.estimate.files import FitFileError, dumps, estimate_from, estimate_text, reads
from covstudio.fitting import Fitted
from covstudio.records import RecordError, from_record, to_record
from covstudio.reml import Fit, fit
from tests.reml.test_recoding import DAYS, Y, design, model

FORMULA = "yield ~ rep + (1 | gen) + (1 | rep:block)"


def differences(one: Any, other: Any, path: str = "") -> list[str]:
    """Where two values differ, to the last bit of every number; NaN is NaN."""
    if hasattr(one, "to_record"):
        one, other = one.to_record(), other.to_record()
    if isinstance(one, torch.Tensor):
        same = one.dtype == other.dtype and one.shape == other.shape
        return [] if same and torch.equal(one.nan_to_num(7e77), other.nan_to_num(7e77)) else [path]
    if isinstance(one, np.ndarray):
        return [] if one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True) else [path]
    if dataclasses.is_dataclass(one):
        assert type(one) is type(other), path
        fields = [field.name for field in dataclasses.fields(one)]
        return [
            place
            for name in fields
            for place in differences(getattr(one, name), getattr(other, name), f"{path}.{name}")
        ]
    if isinstance(one, Mapping):
        if list(one) != list(other):
            return [path]
        return [place for key in one for place in differences(one[key], other[key], f"{path}[{key}]")]
    if isinstance(one, tuple | list):
        if len(one) != len(other):
            return [path]
        pairs = enumerate(zip(one, other, strict=True))
        return [place for at, (a, b) in pairs for place in differences(a, b, f"{path}[{at}]")]
    if isinstance(one, float):
        same = (math.isnan(one) and math.isnan(other)) or (
            one == other and math.copysign(1, one) == math.copysign(1, other)
        )
        return [] if same else [path]
    return [] if one == other and type(one) is type(other) else [path]


@pytest.fixture(scope="module")
def found() -> Fitted:
    """A fit with random effects, a derived quantity and choices about its table."""
    table = load_example("john_alpha")
    document = templates()[0].document(table)
    choices = TableChoices().with_column("rep", reference="R2")
    for change in (
        SetChoices(choices),
        SetDerived(["h2 = genotype/sigma^2 / (genotype/sigma^2 + residual/sigma^2)"]),
        SetMethod("REML"),
    ):
        document = change.apply(document)
    return Fitted(estimate(document, table), document, table, ("read so",))


def test_every_number_of_a_fit_comes_back(found: Fitted, tmp_path: Path) -> None:
    path = tmp_path / "oats.fit.json"
    found.save(path)
    back = covstudio.read_fit(path)
    assert differences(found.estimate, back.estimate) == []
    assert back.document == found.document
    assert back.table.frame.equals(found.table.frame)
    assert back.notes == ("read so",)
    assert back.versions["covstudio"] == covstudio.__version__
    assert back.versions["torch"] == torch.__version__
    assert back.fit.standard_errors == found.fit.standard_errors
    again = tmp_path / "again.json"
    back.save(again)
    assert again.read_bytes() == path.read_bytes(), "the versions are still those of the fit"


def test_what_is_asked_of_a_fit_that_was_read_is_answered(found: Fitted, tmp_path: Path) -> None:
    path = tmp_path / "oats.fit.json"
    found.save(path)
    back = covstudio.read_fit(path)
    for asked in (Fitted.tidy, Fitted.anova, Fitted.augment):
        question: Callable[[Fitted], Any] = asked
        assert question(back).equals(question(found)), asked.__name__
    assert back.summary() == found.summary()


def confounded() -> Fit:
    """Two variances of the same thing: not told apart, without standard errors."""
    v = Sum(one=ScalarMatrix(12), other=ScalarMatrix(12))
    return fit(v, torch.arange(12.0, dtype=torch.float64).sin(), torch.ones(12, 1, dtype=torch.float64))


def recoded() -> Fit:
    """Random lines over a covariate so far from zero that they are told in another coding."""
    days = DAYS + 1e6
    return fit(model(days), Y, design(days))


def searched_otherwise() -> Fit:
    """Random lines that were searched in another coding and told in the given one."""
    days = DAYS + 2e3
    return fit(model(days), Y, design(days))


@pytest.mark.parametrize("make", [confounded, recoded, searched_otherwise])
def test_a_fit_that_ends_otherwise_comes_back_too(make: Callable[[], Fit]) -> None:
    """Groups of confounded parameters, NaN, infinities; without a document."""
    one = make()
    record = json.loads(json.dumps(to_record(one), allow_nan=False))
    other = from_record(Fit, record)
    assert differences(one, other) == []
    assert other.summary() == one.summary()
    assert other.information == one.information


def test_an_estimate_alone_comes_back(found: Fitted) -> None:
    assert differences(found.estimate, estimate_from(estimate_text(found.estimate))) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda kept: "", "empty"),
        (lambda kept: "{}", "does not begin"),
        (lambda kept: json.dumps(kept | {"covstudio_fit": 2}), "Upgrade covstudio"),
        (lambda kept: json.dumps(kept | {"more": 1}), "more"),
        (lambda kept: json.dumps(kept | {"notes": "one"}), "notes: expected a list"),
        (lambda kept: json.dumps({**kept, "model": {}}), "title"),
        (lambda kept: json.dumps({**kept, "estimate": {}}), "estimate: expected fit"),
    ],
)
def test_what_is_no_saved_fit_is_refused(
    found: Fitted, change: Callable[[dict[str, Any]], str], said: str
) -> None:
    kept = json.loads(dumps(found.estimate, found.document, found.table))
    with pytest.raises(FitFileError, match=said):
        reads(change(kept))


@pytest.mark.parametrize(
    ("kind", "record", "said"),
    [
        (float, "1", "expected a number, got '1'"),
        (float, True, "expected a number"),
        (int, 1.5, "expected a whole number"),
        (torch.Tensor, {"shape": [2], "values": [1.0]}, "as many values"),
        (torch.Tensor, {"shape": [-1, -2], "values": [1.0, 1.0]}, "as many values"),
        (torch.Tensor, {"shape": [1], "values": ["__import__"]}, r"values\[0\]: expected a number"),
        (torch.Tensor, {"shape": [1], "kind": "object", "values": [1.0]}, "one of float64"),
        (torch.Tensor, {"shape": [1], "kind": "int64", "values": [2**70]}, "too large"),
        (Fit, {"theta": 1}, "as well"),
        (dict[tuple[str, str], float], {"a": 1}, "list of pairs"),
    ],
)
def test_a_record_of_another_kind_is_refused_with_its_place(kind: Any, record: Any, said: str) -> None:
    with pytest.raises(RecordError, match=said):
        from_record(kind, record)


def test_what_is_no_record_is_not_written() -> None:
    with pytest.raises(TypeError, match="object"):
        to_record((1, object()))
