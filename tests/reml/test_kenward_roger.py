"""Kenward and Roger's adjustment by either information, against SAS.

The recorded numbers are those of SAS PROC MIXED with `DDFM=KR` for `model fev1 = arm` and a repeated
covariance of four visits in each patient, as the authors of mmrm publish them beside their own
(openpharma/mmrm, design/ddfm_covtype). SAS takes W from the observed information. Its second derivatives of
V depend on its parametrisation, ours do not: standard errors agree to about a thousandth, and where V is
linear in what SAS estimates to five digits.
"""

from __future__ import annotations

import pandas as pd
import pytest
import torch

from covstudio.covariance import (
    AntedependenceMatrix,
    AR1Matrix,
    CompoundSymmetricMatrix,
    CovariancePropagation,
    DummyMatrix,
    ExponentialMatrix,
    Gram,
    HadamardProduct,
    HeterogeneousAR1Matrix,
    HeterogeneousCompoundSymmetricMatrix,
    HeterogeneousToeplitzMatrix,
    IdentityMatrix,
    KroneckerProduct,
    Matrix,
    ToeplitzMatrix,
    UnstructuredMatrix,
)
from covstudio.reml import Inference, InvalidModel, fit
from tests.reml.reml_cases import REFERENCE

STRUCTURES = {
    "us": UnstructuredMatrix,
    "adh": AntedependenceMatrix,
    "ar1": AR1Matrix,
    "arh1": HeterogeneousAR1Matrix,
    "cs": CompoundSymmetricMatrix,
    "csh": HeterogeneousCompoundSymmetricMatrix,
    "toep": ToeplitzMatrix,
    "toeph": HeterogeneousToeplitzMatrix,
}
#: SAS: estimate of the difference between the arms, its standard error and degrees of freedom.
SAS = {
    "us": (3.81972492174648, 0.66124382270307, 160.733266403768),
    "adh": (3.72344028834729, 0.66172017349971, 162.393385281755),
    "ar1": (4.22574315817874, 0.95865439662225, 188.46934887972),
    "arh1": (3.72674356244499, 0.7590316099633, 188.225339095373),
    "cs": (4.19663617897035, 0.7964696053595, 177.038485931223),
    "csh": (3.77090812499029, 0.67414806011886, 190.737701349941),
    "toep": (4.47051860580552, 0.87839805519623, 160.027408337368),
    "toeph": (3.92287746213894, 0.72543828853831, 180.062730071701),
    "spexp": (4.21488979997259, 0.90552903839818, 195.584197921463),
}


def trial(structure: str) -> tuple[Matrix, torch.Tensor, torch.Tensor]:
    """V, y and X of the trial: fev1 by arm."""
    frame = pd.read_csv(REFERENCE / "fev.csv")
    subjects, visits = list(dict.fromkeys(frame["subject"])), ["VIS1", "VIS2", "VIS3", "VIS4"]
    x = torch.tensor([[1.0, float(arm == "TRT")] for arm in frame["arm"]], dtype=torch.float64)
    y = torch.tensor(frame["fev1"].to_numpy())
    if structure == "spexp":
        same = Gram(DummyMatrix(frame["subject"].tolist()), gram_type="xxt")
        visit = frame["visit"].map(visits.index) + 1.0
        places = pd.DataFrame({"visit": visit, "time": frame["time"]}).to_numpy()
        return HadamardProduct(same=same, process=ExponentialMatrix(places)), y, x
    z = DummyMatrix(frame["subject"], frame["visit"], levels=[subjects, visits], lex_order=False)
    g = KroneckerProduct(patient=IdentityMatrix(len(subjects)), visit=STRUCTURES[structure](4))
    return CovariancePropagation(z=z, g=g), y, x


@pytest.mark.parametrize("structure", ["cs", "ar1"])
def test_observed_information_gives_the_numbers_of_sas(structure) -> None:
    v, y, x = trial(structure)
    estimate, error, df = SAS[structure]
    effect = (
        Inference(fit(v, y, x), v, y, x, information="observed").fixed_effects("kenward-roger").entries[1]
    )
    assert effect.estimate == pytest.approx(estimate, rel=1e-4)
    assert effect.standard_error == pytest.approx(error, rel=2e-3)
    assert effect.df == pytest.approx(df, rel=1e-3)


def test_the_two_informations_differ_as_recorded() -> None:
    """Both were worked out apart from covstudio, in numpy, from V by its entries."""
    v, y, x = trial("us")
    result = fit(v, y, x)
    expected, observed = (0.65362268, 170.91683), (0.661300, 160.6906)
    recorded = {None: expected, "expected": expected, "observed": observed}
    for information, (error, df) in recorded.items():
        told = Inference(result, v, y, x, information=information)
        effects = told.fixed_effects("kenward-roger")
        assert effects.entries[1].standard_error == pytest.approx(error, rel=2e-6)
        assert effects.entries[1].df == pytest.approx(df, rel=2e-6)
        assert ("by the observed information" in repr(effects)) == (information == "observed")


def test_standard_errors_of_variances_by_the_expected_information() -> None:
    """Balanced groups: var(s^2) = 2 sigma^4 / df, and the observed information is the expected one."""
    from tests.reml.inference_cases import one_way_data

    v, y, x = one_way_data(7, 4, between=2.0)
    result = fit(v, y, x)
    expected = Inference(result, v, y, x, information="expected")
    assert expected.covariance.kind == "expected"
    residual = expected.intervals()["e/sigma^2"]
    assert residual.standard_error == pytest.approx(residual.estimate * (2.0 / 21.0) ** 0.5, rel=1e-6)


def test_an_observed_information_that_is_not_positive_definite_is_said(monkeypatch) -> None:
    from covstudio.reml.fitting import uncertainty

    v, y, x = trial("cs")
    told = Inference(fit(v, y, x), v, y, x, information="observed")
    monkeypatch.setattr(uncertainty, "observed_information", lambda *given: -torch.eye(len(given[2])).numpy())
    with pytest.raises(InvalidModel, match="observed information, which is not positive definite"):
        told.fixed_effects("kenward-roger")


def test_information_that_there_is_not() -> None:
    v, y, x = trial("cs")
    with pytest.raises(ValueError, match="'observed', 'average', 'expected' or None, and is 'fisher'"):
        Inference(fit(v, y, x), v, y, x, information="fisher")
