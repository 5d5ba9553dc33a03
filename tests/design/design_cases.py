"""Designs with models of V that several files test with."""

from __future__ import annotations

import numpy as np
import torch

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    BlockDiagonal,
    CovariancePropagation,
    DummyMatrix,
    ExponentialMatrix,
    KroneckerProduct,
    Matrix,
    ScalarMatrix,
    Sum,
    UnstructuredMatrix,
)
from covstudio.data import Table, design_matrix
from covstudio.design import alpha, missing, nested, randomised_blocks, repeated_measures


def effects(*columns) -> CovariancePropagation:
    """Independent effects of the combinations of some columns."""
    z = DummyMatrix(*columns, drop_empty_cols=True)
    return CovariancePropagation(z=z, g=ScalarMatrix(z.shape[1]))


def ones(n: int) -> torch.Tensor:
    return torch.ones((n, 1), dtype=torch.float64)


def alpha_case() -> tuple[Matrix, torch.Tensor, dict[str, float]]:
    """An alpha design: genotypes, blocks within replicates, a residual; engine of mixed-model equations."""
    table = alpha(24, 3, 4, seed=1)
    v = Sum(
        genotype=effects(table.frame["treatment"]),
        block=effects(table.frame["replicate"], table.frame["block"]),
        residual=ScalarMatrix(table.n),
    )
    return v, design_matrix(table, "1 + replicate").x, {"genotype": 0.9, "block": 0.4, "residual": 1.0}


def related_case() -> tuple[Matrix, torch.Tensor, dict[str, float]]:
    """Genotypes by environments, an unstructured G: products of matrices within Z G Z'."""
    rows = [(g, e) for g in range(8) for e in range(3) for _ in range(2)]
    z = DummyMatrix([f"G{g}" for g, _ in rows], [f"E{e}" for _, e in rows])
    g = KroneckerProduct(ScalarMatrix(8), UnstructuredMatrix(3))
    v = Sum(ge=CovariancePropagation(z=z, g=g), residual=ScalarMatrix(len(rows)))
    v.set_param_specs("ge/g/op_0/sigma^2", fixed=True, default=torch.tensor(0.0, dtype=torch.float64))
    x = torch.tensor([[1.0, float(e == 1), float(e == 2)] for _, e in rows], dtype=torch.float64)
    return v, x, {"L_0_0": 1.0, "L_1_0": 0.4, "L_1_1": 0.8, "L_2_0": 0.3, "L_2_1": -0.2, "L_2_2": 0.7}


def repeated_case() -> tuple[Matrix, torch.Tensor, dict[str, float]]:
    """Subjects of which some times are missing, unstructured: the engine of blocks."""
    table = missing(repeated_measures(45, 4, 3, seed=2), 0.15, seed=3)
    times = DummyMatrix(table.frame["subject"], table.frame["time"])
    v = CovariancePropagation(z=times, g=KroneckerProduct(ScalarMatrix(45), UnstructuredMatrix(4)))
    v.set_param_specs("g/op_0/sigma^2", fixed=True, default=torch.tensor(0.0, dtype=torch.float64))
    return v, design_matrix(table, "1 + treatment * time").x, {"L_1_0": 0.5, "L_2_1": 0.3, "L_3_0": 0.2}


def field_case() -> tuple[Matrix, torch.Tensor, dict[str, float]]:
    """A field with a nugget beside genotypes: V written out."""
    table = randomised_blocks(8, 4, seed=1)
    v = Sum(
        genotype=effects(table.frame["treatment"]),
        field=KroneckerProduct(AR1Matrix(4), AR1CorrelationMatrix(8)),
        nugget=ScalarMatrix(table.n),
    )
    return v, ones(table.n), {"genotype": 0.5, "field/op_0/rho": 0.6, "field/op_1/rho": 0.4, "nugget": 0.3}


def spatial_case() -> tuple[Matrix, torch.Tensor, dict[str, float]]:
    """Places in the plane."""
    table = missing(randomised_blocks(6, 5, seed=4), 0.2, seed=1)
    places = torch.tensor(table.frame[["row", "column"]].to_numpy(), dtype=torch.float64)
    v = Sum(near=ExponentialMatrix(places), units=ScalarMatrix(table.n))
    return v, ones(table.n), {"near/sigma^2": 2.0, "near/range": 1.5, "units": 0.5}


def sites_case() -> tuple[Matrix, torch.Tensor, dict[str, float]]:
    """A residual variance at each of two sites."""
    table = nested(site=2, genotype=5, plot=3)
    v = Sum(
        genotype=effects(table.frame["genotype"]),
        residual=BlockDiagonal(north=ScalarMatrix(15), south=ScalarMatrix(15)),
    )
    return v, ones(table.n), {"genotype": 1.0, "north": 0.5, "south": 2.0}


CASES = {
    "alpha": (alpha_case, "effects"),
    "related": (related_case, "effects"),
    "repeated": (repeated_case, "blocks"),
    "field": (field_case, "written"),
    "spatial": (spatial_case, "written"),
    "sites": (sites_case, "written"),
}


def by_definition(v: Matrix, x: torch.Tensor, natural: np.ndarray, positions: list[int]) -> np.ndarray:
    """tr(P V_k P V_l) / 2 with everything written out."""
    values = torch.from_numpy(natural)
    with torch.no_grad():
        whole = v.evaluate(values)
        slices = v.natural_jacobian(values, positions)
    inverse = torch.linalg.inv(whole)
    p = inverse - inverse @ x @ torch.linalg.inv(x.mT @ inverse @ x) @ x.mT @ inverse
    products = [p @ one for one in slices]
    return np.array([[0.5 * float((a * b.mT).sum()) for b in products] for a in products])


def table_of(columns: dict[str, list]) -> Table:
    return Table.from_columns(columns, "design")
