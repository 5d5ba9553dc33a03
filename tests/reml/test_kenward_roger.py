"""Kenward and Roger's adjustment by either information, against SAS.

The recorded numbers are those of SAS PROC MIXED with `DDFM=KR` for `model fev1 = arm` and a repeated
covariance of four visits in each patient, as the authors of mmrm publish them beside their own
(openpharma/mmrm, design/ddfm_covtype). SAS takes W from the observed information. Its second derivatives of
V depend on its parametrisation, ours do not: standard errors agree to about a thousandth, and where V is
linear in what SAS estimates to five digits.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

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
from covstudio.reml.engines.blocks import pairs as blocks_pairs
from covstudio.reml.engines.blocks.pairs import BlockPairs
from covstudio.reml.inference.pairs import ColumnPairs, pairs_of
from covstudio.reml.problem.pairs import Combination
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


@pytest.mark.parametrize("structure", list(SAS))
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
    by_method = Inference(result, v, y, x).fixed_effects("kenward-roger-observed")
    assert by_method.entries == told.fixed_effects("kenward-roger").entries


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
    with pytest.raises(ValueError, match="'observed', 'average' or 'expected', or None, and got 'fisher'"):
        Inference(fit(v, y, x), v, y, x, information="fisher")


def _both(v: Matrix, y: torch.Tensor, x: torch.Tensor, method: str = "REML"):
    """Sums over pairs of derivatives by blocks and by the columns of V, for all parameters inside."""
    result = fit(v, y, x, method=method, engine="blocks")
    binding = Inference(result, v, y, x)._binding
    positions = [c.position for c in binding.interior]
    by_blocks = pairs_of(binding, positions)
    assert isinstance(by_blocks, BlockPairs)
    return by_blocks, ColumnPairs(binding, positions), binding, positions


@pytest.mark.parametrize("structure", ["us", "spexp"])
def test_sums_by_blocks_are_those_by_columns(structure) -> None:
    v, y, x = trial(structure)
    x = torch.cat([x, torch.linspace(-1.0, 1.0, len(y), dtype=torch.float64)[:, None] ** 2], dim=1)
    by_blocks, by_columns, binding, positions = _both(v, y, x)
    count = len(positions)
    w = torch.randn(count, count, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    w = (w @ w.mT).numpy()
    combinations = [
        Combination(binding.natural, w[0]),
        Combination(binding.natural * 1.01, w[-1]),
    ]
    pairs = [
        (by_blocks.traces(), by_columns.traces()),
        (by_blocks.slopes(), by_columns.slopes()),
        (by_blocks.weighted(w), by_columns.weighted(w)),
        *zip(by_blocks.against(combinations), by_columns.against(combinations), strict=True),
    ]
    for found, right in pairs:
        np.testing.assert_allclose(found, right, rtol=1e-8, atol=1e-9 * np.abs(right).max())


def test_some_kinds_at_a_time_and_a_scale_give_the_same(monkeypatch) -> None:
    v, y, x = trial("us")
    by_blocks, _, binding, positions = _both(v, y, x)
    whole = by_blocks.traces(), by_blocks.weighted(np.eye(len(positions)))
    monkeypatch.setattr(blocks_pairs, "CHUNK", 1)
    parts = pairs_of(binding, positions)
    np.testing.assert_allclose(parts.traces(), whole[0], rtol=1e-10)
    np.testing.assert_allclose(parts.weighted(np.eye(len(positions))), whole[1], rtol=1e-10)
    # V twice as large, its derivatives the same: P is halved, Phi doubled.
    larger = binding.point.rescaled(2.0, binding.natural).pairs(positions)
    np.testing.assert_allclose(larger.traces(), whole[0] / 4.0, rtol=1e-10)
    np.testing.assert_allclose(larger.slopes(), parts.slopes(), rtol=1e-10)
    np.testing.assert_allclose(larger.weighted(np.eye(len(positions))), whole[1] / 2.0, rtol=1e-10)


def test_the_expected_information_in_ml_has_no_fixed_effects() -> None:
    v, y, x = trial("ar1")
    by_blocks, by_columns, *_ = _both(v, y, x, method="ML")
    np.testing.assert_allclose(by_blocks.traces(), by_columns.traces(), rtol=1e-9)


class _Largest(TorchDispatchMode):
    """Entries of the largest tensor that is made, and products of numbers in all matrix products."""

    def __init__(self) -> None:
        super().__init__()
        self.entries, self.products = 0, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if isinstance(out, torch.Tensor):
            self.entries = max(self.entries, out.numel())
            if func.overloadpacket in (torch.ops.aten.mm, torch.ops.aten.bmm):
                self.products += out.numel() * args[0].shape[-1]
        return out


def test_a_large_trial_costs_what_its_patterns_cost() -> None:
    """Ten visits, 55 parameters, patients who drop out: the sums do not depend on how many there are."""
    generator = torch.Generator().manual_seed(4)
    costs = []
    for patients in (400, 800):
        last = torch.arange(patients) % 6 + 5
        rows = [(i, t) for i, n in enumerate(last.tolist()) for t in range(n)]
        subject, visit = [f"p{i:04d}" for i, _ in rows], [f"v{t}" for _, t in rows]
        z = DummyMatrix(subject, visit, levels=[sorted(set(subject)), sorted(set(visit))])
        g = KroneckerProduct(patient=IdentityMatrix(patients), visit=UnstructuredMatrix(10))
        v = CovariancePropagation(z=z, g=g)
        arm = torch.tensor([float(i % 2) for i, _ in rows], dtype=torch.float64)
        x = torch.stack([torch.ones_like(arm), arm], dim=1)
        own = torch.randn(patients, 1, generator=generator, dtype=torch.float64)[[i for i, _ in rows], 0]
        y = arm + own + torch.randn(len(rows), generator=generator, dtype=torch.float64)
        told = Inference(fit(v, y, x), v, y, x)
        assert told.fit.converged
        binding = told._binding
        positions = [c.position for c in binding.interior]
        pairs = pairs_of(binding, positions)
        pairs._setup.moments[0].within_some(torch.zeros(1, 1, 10, 10, dtype=torch.float64))
        with _Largest() as counted:
            pairs.traces()
            pairs.weighted(np.eye(len(positions)))
        costs.append(counted.products)
        assert counted.entries < 2_000_000
    assert len(positions) == 55
    assert costs[1] == costs[0]
    effect = told.fixed_effects("kenward-roger").entries[1]
    # Patients in two arms, each with a level of their own.
    assert 650 < effect.df < 800
    assert effect.standard_error > float(binding.phi[1, 1]) ** 0.5
