"""The reason why V is not positive definite, in terms of its parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.problem.errors import NotPositiveDefinite
from covstudio.reml.search.probe import Probe
from covstudio.reml.terms.variance import Variance

__all__ = ["explain_indefinite"]

Vector = NDArray[np.float64]

#: Terms are searched for negative eigenvalues up to this many rows.
EIGEN_LIMIT = 3000


def explain_indefinite(variance: Variance, natural: Vector, probe: Probe) -> NotPositiveDefinite:
    """The error for a V that has no Cholesky factor at these natural values.

    Looks for rows without any variance, then for terms that are no covariance by themselves, then settles
    for V being singular.

    Args:
        variance: V, taken apart.
        natural: natural values of all parameters.
        probe: what looks at V.

    Returns:
        The error, to be raised.
    """
    exists = torch.isfinite(probe.value(natural)).all(dim=1)
    diagonal = torch.where(exists, probe.diagonal(natural), torch.nan)
    if not bool(torch.isfinite(diagonal).all()):
        return NotPositiveDefinite(
            f"V does not exist at the start ({variance.describe(natural)}): it has entries that are not "
            "finite, or the inverse of a singular matrix. Start variances above zero and correlations off "
            "the ends of their range.",
            [variance.names[k] for k in variance.free],
        )
    empty = torch.nonzero(diagonal <= 0.0).reshape(-1).tolist()
    if empty:
        zero = [variance.names[k] for k in variance.free if natural[k] == 0.0]
        because = f" Zero at the start: {', '.join(zero)}." if zero else ""
        return NotPositiveDefinite(
            f"V is not positive definite at the start: {len(empty)} of {variance.n} rows have no variance "
            "(rows from 0: "
            f"{', '.join(map(str, empty[:8]))}{', ...' if len(empty) > 8 else ''}).{because} Give every "
            "row a residual variance, "
            f"or start these parameters above zero. Now: {variance.describe(natural)}.",
            zero or [variance.names[k] for k in variance.free],
        )
    guilty: list[str] = []
    # Eigenvalues of a large matrix would take longer than the fit that failed.
    for path, value, positions in _terms(variance, natural):
        if _indefinite(value):
            names = [variance.names[k] for k in positions] or [path or "V"]
            guilty.extend(names)
    if guilty:
        positions = [k for k, name in enumerate(variance.names) if name in guilty]
        values = variance.describe(natural, positions) if positions else ", ".join(guilty[:8])
        return NotPositiveDefinite(
            f"V is not positive definite at the start: with {values} that part of V has a negative "
            "eigenvalue, so it is no covariance. Start covariances closer to zero, use a structure that is "
            "positive definite by construction (UnstructuredMatrix in place of UnconstrainedMatrix), or "
            "correct the known matrix.",
            guilty,
        )
    return NotPositiveDefinite(
        f"V is singular at the start: some combination of the {variance.n} rows has no variance at all "
        f"({variance.describe(natural)}). Add a residual to the sum, such as ScalarMatrix({variance.n}); "
        "or, if there is one, "
        "start its variance higher.",
        [variance.names[k] for k in variance.free],
    )


def _terms(variance: Variance, natural: Vector) -> Iterator[tuple[str, Tensor, Sequence[int]]]:
    """The terms of V that are small enough to look at their eigenvalues; of Z G Z' it is G that matters."""
    if variance.n <= EIGEN_LIMIT:
        for term in variance.terms:
            yield term.path, term.value(natural), term.span
        return
    for piece in variance.random:
        if piece.columns <= EIGEN_LIMIT:
            yield piece.path, piece.covariance(natural), piece.positions


def _indefinite(value: Tensor) -> bool:
    """Whether an eigenvalue is negative beyond rounding."""
    eigenvalues = torch.linalg.eigvalsh(0.5 * (value + value.mT))
    return float(eigenvalues[0]) < -1e-10 * max(float(eigenvalues[-1]), 0.0) or float(eigenvalues[-1]) < 0.0
