"""Fits of lme4, nlme and glmmTMB from the text of their calls, against what R says of them.

The numbers were made by `tests/formula/reference/make.R`, with the data beside it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from covstudio import fit
from covstudio.fitting import Fitted

REFERENCE = Path(__file__).parent / "reference"
FITS: list[dict[str, Any]] = json.loads((REFERENCE / "fits.json").read_text(encoding="utf-8"))


@cache
def frame(name: str) -> pd.DataFrame:
    return pd.read_csv(REFERENCE / f"{name}.csv")


@pytest.mark.parametrize("case", FITS, ids=[case["name"] for case in FITS])
def test_the_call_gives_the_log_likelihood_of_r(case: dict[str, Any]) -> None:
    found = fit(case["call"], frame(case["data"]))
    assert isinstance(found, Fitted)
    assert found.loglik == pytest.approx(case["loglik"], abs=1e-5)
    expected = list(case["fixed"].values())
    assert found.fixed["estimate"].tolist() == pytest.approx(expected, rel=1e-3, abs=1e-3)
