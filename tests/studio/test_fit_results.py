"""What the results of a fit say in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from covstudio.data.examples import load_example
from covstudio.document.files.templates import templates
from covstudio.document.model.document import Method
from covstudio.estimate import estimate
from covstudio.studio.fit.results import Results

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
