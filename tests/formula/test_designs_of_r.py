"""Fixed effects: X of R's model.matrix, column by column, and R's columns for new rows.

The numbers were made by `tests/formula/reference/designs.R`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from covstudio import fit
from covstudio.data import Design, DesignError, Table, design_matrix, read_table
from covstudio.data.choices import CONTRAST_NAMES
from covstudio.fitting import Fitted

REFERENCE = Path(__file__).parent / "reference"
DESIGNS: list[dict[str, Any]] = json.loads((REFERENCE / "designs.json").read_text(encoding="utf-8"))


def designed(case: dict[str, Any]) -> Design:
    table = read_table(REFERENCE / f"{case['data']}.csv")
    choices = table.choices
    for column, name in (case.get("contrasts") or {}).items():
        choices = choices.with_column(column, contrasts=CONTRAST_NAMES[name])
    table = table.with_choices(choices)
    roles = {name: "covariate" if table.is_numeric(name) else "factor" for name in table.columns}
    return design_matrix(table, case["formula"], roles)


@pytest.mark.parametrize(
    "case", DESIGNS, ids=[f"{case['formula']} {case.get('contrasts') or ''}" for case in DESIGNS]
)
def test_the_columns_are_those_of_model_matrix(case: dict[str, Any]) -> None:
    design = designed(case)
    expected = np.array(case["x"], dtype=np.float64).T
    assert design.x.shape == expected.shape
    assert np.abs(design.x.numpy() - expected).max() <= 1e-10 * max(1.0, np.abs(expected).max())
    if "new" not in case:
        return
    new = case["new"]
    rows = max(len(one) if isinstance(one, list) else 1 for one in new.values())
    columns = {name: one if isinstance(one, list) else [one] * rows for name, one in new.items()}
    found = design.at(Table.from_columns(columns, "new"))
    assert found.names == design.names
    expected = np.array(case["new_x"], dtype=np.float64).T
    assert np.abs(found.x.numpy() - expected).max() <= 1e-10 * max(1.0, np.abs(expected).max())


def test_columns_of_the_design_s_own_rows_are_its_own() -> None:
    for case in DESIGNS:
        design = designed(case)
        assert torch.equal(design.at(read_table(REFERENCE / f"{case['data']}.csv")).x, design.x)


def test_a_level_that_the_fit_has_not_seen_is_told() -> None:
    design = design_matrix(read_table(REFERENCE / "cake.csv"), "recipe")
    with pytest.raises(DesignError, match="'D' is no level of 'recipe'"):
        design.at(Table.from_columns({"recipe": ["A", "D"]}, "new"))


def test_an_ordered_category_has_polynomial_contrasts_as_in_r() -> None:
    frame = pd.read_csv(REFERENCE / "cake.csv")
    ordered = frame.assign(temp=pd.Categorical(frame["temp"], ordered=True))
    named = "angle ~ recipe * C(factor(temp), contr.poly) + (1 | recipe:replicate)"
    found = fit("angle ~ recipe * temp + (1 | recipe:replicate)", ordered)
    assert isinstance(found, Fitted)
    assert found.loglik == pytest.approx(fit(named, frame).loglik, abs=1e-9)
    assert found.fixed["effect"].tolist()[3:5] == ["temp[.L]", "temp[.Q]"]


def test_predictions_at_new_rows() -> None:
    path = REFERENCE / "sleepstudy.csv"
    found = fit("Reaction ~ ns(Days, df = 3) + scale(Days) - scale(Days) + (1 | Subject)", path)
    assert isinstance(found, Fitted)
    new = found.predict({"Days": [0.0, 2.5, 9.0, 12.0]})
    own = found.predict(path)
    assert list(new.columns) == ["prediction", "standard_error"]
    assert own["prediction"].to_numpy() == pytest.approx(found.fit.marginal_fitted.numpy(), abs=1e-9)
    assert new["prediction"][0] == pytest.approx(own["prediction"][0], abs=1e-9)
    # Beyond the boundary knots a natural spline is a straight line.
    more = found.predict({"Days": [10.0, 11.0, 12.0]})["prediction"]
    assert more[2] - more[1] == pytest.approx(more[1] - more[0], rel=1e-9)


def test_an_offset_is_added_to_predictions() -> None:
    path = REFERENCE / "sleepstudy.csv"
    found = fit("Reaction ~ 1 + offset(10 * Days) + (1 | Subject)", path)
    assert isinstance(found, Fitted)
    told = found.predict({"Days": [0, 3]})["prediction"]
    assert told[1] - told[0] == pytest.approx(30.0)
