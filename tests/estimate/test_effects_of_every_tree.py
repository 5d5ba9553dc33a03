"""Random effects, standard deviations and correlations by name, however random slopes are drawn.

The numbers are lme4's on its sleepstudy, `lmer(Reaction ~ Days + (Days | Subject))`: `VarCorr` and `ranef`.
"""

from pathlib import Path

import pytest
import torch

from covstudio import fit as fit_formula
from covstudio.covariance import (
    CovariancePropagation,
    DesignMatrix,
    DummyMatrix,
    HadamardProduct,
    IdentityMatrix,
    KhatriRaoProduct,
    KroneckerProduct,
    Matrix,
    RandomCoefficientsMatrix,
    ScalarMatrix,
    Sum,
    UnstructuredMatrix,
)
from covstudio.data import read_relation, read_table
from covstudio.document.build.build import build
from covstudio.document.build.of_matrix import document_of
from covstudio.document.files.write import dumps, loads
from covstudio.estimate import ranef, varcorr
from covstudio.reml import Inference, fit

SLEEP = read_table(Path(__file__).parents[1] / "formula" / "reference" / "sleepstudy.csv")
SUBJECT = SLEEP.labels("Subject")
DAYS = torch.as_tensor(SLEEP.numbers("Days"))
Y = torch.as_tensor(SLEEP.numbers("Reaction"))
X = torch.stack([torch.ones(180, dtype=torch.float64), DAYS], dim=1)


def subjects() -> DummyMatrix:
    return DummyMatrix(SUBJECT)


def line(days=DAYS) -> DesignMatrix:
    return DesignMatrix({"Days": days.tolist()}, intercept=True)


def in_one_piece() -> Matrix:
    return RandomCoefficientsMatrix(SUBJECT, columns={"Days": DAYS.tolist()})


def propagated() -> Matrix:
    z = KhatriRaoProduct(a=subjects(), b=line())
    return CovariancePropagation(z=z, g=KroneckerProduct(a=IdentityMatrix(18), b=UnstructuredMatrix(2)))


def turned() -> Matrix:
    z = KhatriRaoProduct(a=line(), b=subjects())
    return CovariancePropagation(z=z, g=KroneckerProduct(a=UnstructuredMatrix(2), b=IdentityMatrix(18)))


def entrywise() -> Matrix:
    same = CovariancePropagation(z=subjects(), g=IdentityMatrix(18))
    return HadamardProduct(same=same, line=CovariancePropagation(z=line(), g=UnstructuredMatrix(2)))


def kronecker() -> Matrix:
    one = CovariancePropagation(z=line(DAYS[:10]), g=UnstructuredMatrix(2))
    return KroneckerProduct(subjects=IdentityMatrix(18), line=one)


@pytest.mark.parametrize("draw", [in_one_piece, propagated, turned, entrywise, kronecker])
def test_random_slopes_are_those_of_lme4(draw) -> None:
    v = Sum(subject=draw(), residual=ScalarMatrix(180))
    found = fit(v, Y, X)
    assert found.loglik == pytest.approx(-871.8141, abs=1e-4)
    rows = varcorr(v, found).set_index(["term", "var1", "var2"])["sdcor"]
    assert rows["subject", "Intercept", ""] == pytest.approx(24.7405, abs=2e-3)
    assert rows["subject", "Days", ""] == pytest.approx(5.9221, abs=1e-3)
    assert rows["subject", "Intercept", "Days"] == pytest.approx(0.0656, abs=1e-3)
    assert rows["residual", "", ""] == pytest.approx(25.5918, abs=1e-3)
    table = ranef(v, found)["subject"]
    assert table.columns.tolist() == ["Intercept", "Days"]
    assert table.index.tolist() == (
        [str(k) for k in range(1, 19)] if draw is kronecker else sorted(set(SUBJECT))
    )
    first = table.iloc[:2].to_numpy().ravel().tolist()
    assert first == pytest.approx([2.2586, 9.1990, -40.3986, -8.6197], abs=2e-3)
    # The effects are those whose sum the fitted values have.
    told = Inference(found, v, Y, X)
    place = torch.arange(180) // 10
    coefficients = torch.tensor(table.to_numpy())
    part = coefficients[place, 0] + coefficients[place, 1] * DAYS
    assert torch.allclose(told.residuals.conditional, Y - X @ found.beta - part, atol=1e-8)
    errors = ranef(v, found, "standard_error")["subject"]
    assert errors.iloc[0].tolist() == pytest.approx([13.1002, 2.6392], abs=1e-3)
    assert float(told.random_effects()["subject"].reliability[0]) == pytest.approx(0.7196, abs=1e-3)


def test_a_covariance_of_cells_is_no_random_effect() -> None:
    """Same subject, and independent days: a residual of cells stays one."""
    same = CovariancePropagation(z=subjects(), g=IdentityMatrix(18))
    days = CovariancePropagation(z=DummyMatrix(DAYS.long().tolist()), g=UnstructuredMatrix(10))
    found = fit(HadamardProduct(same=same, days=days), Y, X, max_iter=2)
    assert found.blups == {}


def test_one_piece_is_a_node_of_a_document() -> None:
    v = Sum(subject=in_one_piece(), residual=ScalarMatrix(180))
    document = document_of(v, table=SLEEP)
    again, _ = loads(dumps(document))
    assert again == document
    built = build(again, SLEEP)
    assert built.v is not None
    assert torch.allclose(built.v(), v().double())


def test_a_known_relationship_has_one_variance() -> None:
    kin = read_relation(b"id,sire,dam\n308,,\n309,308,\n", name="kin")
    more = [(label, "", "") for label in sorted(set(SUBJECT)) if label not in ("308", "309")]
    found = fit_formula("Reaction ~ Days + (1 | Subject)", SLEEP, known={"Subject": [*kin.pedigree(), *more]})
    assert found.varcorr[["term", "var1", "var2"]].to_numpy().tolist() == [
        ["Subject", "(Intercept)", ""],
        ["residual", "", ""],
    ]
    assert found.varcorr["vcov"].tolist() == pytest.approx(list(found.params.values()))
    assert found.ranef()["Subject"].columns.tolist() == ["(Intercept)"]
    both = fit_formula(
        "Reaction ~ Days + (Days | Subject)", SLEEP, known={"Subject": [*kin.pedigree(), *more]}
    )
    assert both.ranef()["Subject"].shape == (18, 2)
    assert both.varcorr["var1"].tolist() == ["Intercept", "Days", "Intercept", ""]


def test_what_is_asked_for_is_told() -> None:
    v = Sum(subject=in_one_piece(), residual=ScalarMatrix(180))
    with pytest.raises(ValueError, match="'effect' or 'standard_error'"):
        ranef(v, fit(v, Y, X, max_iter=1), "mode")  # type: ignore[arg-type]
