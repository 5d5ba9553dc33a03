r"""Relationship matrices that are no covariances as they stand: singular, indefinite, or off by rounding.

Each way gives a positive definite matrix, and tells what it changed. None is ever applied silently.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from covstudio.covariance.core.checks import as_float_tensor, check_finite

__all__ = ["Repaired", "bend", "blend", "nearest"]


@dataclass(frozen=True, eq=False)
class Repaired:
    """A matrix made positive definite, and what that changed.

    Attributes:
        matrix: the new matrix, (n, n), float64, symmetric and positive definite.
        method: "nearest", "bend" or "blend".
        smallest_before: smallest eigenvalue of the matrix that was given, its symmetric part.
        smallest_after: smallest eigenvalue of the new one.
        raised: how many eigenvalues were below the floor.
        largest_change: largest absolute change of an entry.
        where: row and column of that entry, from 0 on.
        relative_change: Frobenius norm of all changes, as a share of that of the matrix given.
    """

    matrix: Tensor
    method: str
    smallest_before: float
    smallest_after: float
    raised: int
    largest_change: float
    where: tuple[int, int]
    relative_change: float

    def __str__(self) -> str:
        row, column = self.where
        return (
            f"{self.method}: the smallest eigenvalue went from {self.smallest_before:.3g} to "
            f"{self.smallest_after:.3g}; {self.raised} of {len(self.matrix)} were below the floor. Entries "
            f"changed by {self.largest_change:.3g} at most, in row {row + 1} and column {column + 1}, and by "
            f"{100 * self.relative_change:.3g} % over all."
        )


def nearest(matrix: object, *, floor: float = 1e-6) -> Repaired:
    r"""The nearest matrix, in the Frobenius norm, whose eigenvalues reach a floor.

    With :math:`K = U \Lambda U'` the eigendecomposition of the symmetric part of the matrix, it is
    :math:`U \max(\Lambda, f) U'`, f the floor times the mean of the diagonal. It changes as little as can be,
    and may change the diagonal.

    Args:
        matrix: square table of numbers, (n, n); asymmetry is averaged out.
        floor: smallest eigenvalue allowed, as a share of the mean of the diagonal.

    Raises:
        ValueError: the matrix is not square or not finite, or its diagonal is not positive on average; or the
            floor is not between 0 and 1.

    Example:
        >>> from covstudio.covariance import nearest
        >>> repaired = nearest([[1.0, 1.2], [1.2, 1.0]], floor=0.01)
        >>> round(repaired.smallest_before, 4), round(repaired.smallest_after, 4), repaired.raised
        (-0.2, 0.01, 1)

    Reference:
        Higham (1988), Linear Algebra and its Applications 103, 103-118, theorem 2.1.
    """
    given, symmetric, lowest = _given(matrix, floor)
    values, vectors = torch.linalg.eigh(symmetric)
    raised = values.clamp(min=lowest)
    return _repaired("nearest", given, values, lowest, (vectors * raised) @ vectors.mT)


def bend(matrix: object, *, floor: float = 1e-4, rounds: int = 1000) -> Repaired:
    r"""Bending: eigenvalues raised to a floor, the diagonal kept.

    What `nearest` gives is scaled back to the diagonal that the matrix had, and again, until the floor
    is kept: individuals keep their inbreeding, and relationships shrink.

    Args:
        matrix: square table of numbers, (n, n), with a positive diagonal; asymmetry is averaged out.
        floor: smallest eigenvalue allowed, as a share of the mean of the diagonal.
        rounds: the most rounds.

    Raises:
        ValueError: the matrix is not square or not finite, its diagonal is not positive, the floor is not
            between 0 and 1, or it is not kept after that many rounds.

    Example:
        >>> from covstudio.covariance import bend
        >>> bend([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]]).matrix.diagonal()
        tensor([1., 1., 1.], dtype=torch.float64)

    Reference:
        Hayes & Hill (1981), Biometrics 37, 483-493; Jorjani, Klei & Emanuelson (2003), Journal of Dairy
        Science 86, 677-679.
    """
    given, symmetric, lowest = _given(matrix, floor)
    diagonal = symmetric.diagonal().clone()
    if bool((diagonal <= 0).any()):
        row = int((diagonal <= 0).nonzero()[0])
        raise ValueError(
            f"matrix must have a positive diagonal, got {float(diagonal[row]):g} in row {row + 1}; correct "
            "it, or use nearest."
        )
    before = torch.linalg.eigvalsh(symmetric)
    bent = symmetric
    for _ in range(rounds):
        values, vectors = torch.linalg.eigh(bent)
        if float(values[0]) >= lowest * (1 - 1e-9):
            return _repaired("bend", given, before, lowest, bent)
        # A little above the floor, so that what scaling back takes is there to be taken.
        bent = (vectors * values.clamp(min=1.05 * lowest)) @ vectors.mT
        scale = (diagonal / bent.diagonal()).sqrt()
        bent = scale[:, None] * bent * scale
        bent = (bent + bent.mT) / 2
        bent.diagonal().copy_(diagonal)
    raise ValueError(
        f"bending kept no floor of {floor:g} in {rounds} rounds; take a lower floor, more rounds, or blend."
    )


def blend(matrix: object, *, weight: float = 0.05, target: object = None) -> Repaired:
    r"""A weighted mean with a matrix that is positive definite, :math:`(1 - w) K + w T`.

    Args:
        matrix: square table of numbers, (n, n); asymmetry is averaged out.
        weight: w, above 0 and at most 1.
        target: T, such as the relationship matrix of the pedigree; None for the identity times the mean of
            the diagonal.

    Raises:
        ValueError: a matrix is not square or not finite, the sizes differ, the weight is not in (0, 1], or
            the mean is not positive definite either.

    Example:
        >>> from covstudio.covariance import blend
        >>> blend([[1.0, 1.0], [1.0, 1.0]], weight=0.1).matrix
        tensor([[1.0000, 0.9000],
                [0.9000, 1.0000]], dtype=torch.float64)

    Reference:
        VanRaden (2008), Journal of Dairy Science 91, 4414-4423.
    """
    if not 0.0 < weight <= 1.0:
        raise ValueError(f"weight must be above 0 and at most 1, got {weight!r}; 0.05 is usual.")
    given, symmetric, _ = _given(matrix, 0.0)
    if target is None:
        towards = symmetric.diagonal().mean() * torch.eye(len(symmetric), dtype=torch.float64)
    else:
        towards = _given(target, 0.0)[1]
        if towards.shape != symmetric.shape:
            raise ValueError(
                f"target must be of the size of the matrix, {len(symmetric)}, and is of {len(towards)}; "
                "match the individuals first."
            )
    mixed = (1 - weight) * symmetric + weight * towards
    if not float(torch.linalg.eigvalsh(mixed)[0]) > 0.0:
        raise ValueError(
            f"the blend with weight {weight:g} is not positive definite; take more weight, or bend it."
        )
    return _repaired("blend", given, torch.linalg.eigvalsh(symmetric), 0.0, mixed)


def _given(matrix: object, floor: float) -> tuple[Tensor, Tensor, float]:
    """A matrix as given, its symmetric part, and the smallest eigenvalue that it may have."""
    given = check_finite(as_float_tensor(matrix, "matrix"), "matrix").to(torch.float64)
    if given.ndim != 2 or given.shape[0] != given.shape[1] or not given.numel():
        raise ValueError(f"matrix must be square, got shape {tuple(given.shape)}.")
    if not 0.0 <= floor < 1.0:
        raise ValueError(f"floor must be a share of the mean of the diagonal, from 0 to 1, got {floor!r}.")
    symmetric = (given + given.mT) / 2
    mean = float(symmetric.diagonal().mean())
    if mean <= 0.0:
        raise ValueError(f"matrix must have a diagonal that is positive on average, got {mean:g}.")
    return given, symmetric, floor * mean


def _repaired(method: str, given: Tensor, before: Tensor, lowest: float, matrix: Tensor) -> Repaired:
    symmetric = (matrix + matrix.mT) / 2
    change = (symmetric - given).abs()
    place = int(change.argmax())
    return Repaired(
        symmetric,
        method,
        float(before[0]),
        float(torch.linalg.eigvalsh(symmetric)[0]),
        int((before < lowest).sum()) if lowest else int((before <= 0).sum()),
        float(change.max()),
        (place // len(given), place % len(given)),
        float(change.norm() / given.norm()),
    )
