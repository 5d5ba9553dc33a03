"""What the results of a fit say in words, and what they call its rows."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from covstudio.data.examples import load_example
from covstudio.document.build.build import build
from covstudio.document.files.templates import templates
from covstudio.document.model.document import Method
from covstudio.estimate import estimate
from covstudio.estimate.used_rows import UsedRows, used_rows
from covstudio.studio.fit.results import Results
from covstudio.studio.session.spoken import Spoken

TABLE = load_example("john_alpha")
DOCUMENT = templates()[0].document(TABLE)


@pytest.mark.parametrize(
    ("method", "compared"),
    [
        ("REML", "only models of these rows with the same fixed effects"),
        ("ML", "fixed effects or both differ"),
    ],
)
def test_what_the_criteria_count_and_compare_is_said(method: Method, compared: str) -> None:
    found = estimate(replace(DOCUMENT, method=method), TABLE)
    summary = Results(found, 0.0, "alpha").state().summary
    assert "3 variance parameters and 3 fixed effects" in summary.criteria
    assert compared in summary.criteria
    assert summary.aic == pytest.approx(2 * (3 + 3) - 2 * summary.loglik)


def test_a_parameter_that_is_a_constant_is_not_counted() -> None:
    (node,) = (node for node in DOCUMENT.nodes.values() if node.name == "residual")
    fixed = replace(node, fixed=frozenset({"sigma^2"}))
    found = estimate(replace(DOCUMENT, nodes={**DOCUMENT.nodes, node.id: fixed}), TABLE)
    assert "2 variance parameters and 3 fixed" in Results(found, 0.0, "alpha").state().summary.criteria


def test_rows_are_called_by_their_number_in_the_table() -> None:
    frame = TABLE.frame.copy()
    frame.loc[[1, 38], "yield"] = np.nan
    table = replace(TABLE, frame=frame, lines=None)
    found = estimate(DOCUMENT, table)
    results = Results(found, 0.0, "alpha", 1, used_rows(DOCUMENT, table, found.fit.n))
    points = results.state().residuals
    assert points is not None
    assert set(points.row) == set(range(1, 73)) - {2, 39}
    text = results.file("residuals")[1]
    assert isinstance(text, str)
    written = pd.read_csv(io.StringIO(text)).set_index("row_of_file")
    assert list(written.columns[:3]) == ["rep", "block", "gen"]
    for number, value in zip(points.row, points.value, strict=True):
        assert written.loc[number, "standardised"] == pytest.approx(value, rel=1e-5)
        assert written.loc[number, "gen"] == TABLE.frame["gen"][number - 1]
    assert results.text("residuals").split("\t")[0] == "row_of_file"


def test_parts_of_v_are_called_as_on_the_page_with_their_paths_behind() -> None:
    found = estimate(DOCUMENT, TABLE)
    results, spoken = Results(found, 0.0, "alpha"), Spoken(DOCUMENT, build(DOCUMENT, TABLE))

    def written(name: str) -> pd.DataFrame:
        text = results.file(name, spoken)[1]
        assert isinstance(text, str)
        return pd.read_csv(io.StringIO(text))

    components = written("variance_components")
    assert components["parameter"].tolist()[0] == "genotype variance · σ²"
    assert components["path"].tolist()[0] == "genotype/g/sigma^2"
    effects = written("blups").set_index("path").loc["block"]
    assert effects["level"].tolist()[0] == "rep R1, block B1"
    assert results.state(spoken).blups.level[:1] == ["G01"]
    assert results.state(spoken).blups.level[24] == "rep R1, block B1"


def test_a_column_of_the_table_keeps_its_name() -> None:
    table = TABLE.with_choices(TABLE.choices)
    rows = UsedRows(np.arange(1, 73), table, ("row", "rep"))
    frame = rows.frame(pd.DataFrame({"rep": np.zeros(72), "fitted": np.ones(72)}))
    assert list(frame.columns) == ["row_of_file", "row", "rep", "rep_", "fitted"]
