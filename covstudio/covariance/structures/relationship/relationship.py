"""Relationship matrices: from a pedigree, with its sparse inverse, and from genetic markers."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from covstudio.covariance.core.checks import as_float_tensor
from covstudio.covariance.core.definiteness import SingularMatrixError
from covstudio.covariance.structures.relationship.pedigree import UNKNOWN, Label, Pedigree

__all__ = [
    "RelationshipInverse",
    "genomic_relationship",
    "henderson",
    "pedigree_inverse",
    "pedigree_relationship",
]

#: The most individuals whose relationship matrix is written out (3.2 GB).
MAX_DENSE = 20_000


def _pedigree(ped: object, unknown: Collection[Label], add_founders: bool) -> Pedigree:
    if isinstance(ped, Pedigree):
        return ped
    return Pedigree(ped, unknown=unknown, add_founders=add_founders)


def pedigree_relationship(
    ped: object, *, unknown: Collection[Label] = UNKNOWN, add_founders: bool = False
) -> Tensor:
    r"""The additive (numerator) relationship matrix A of a pedigree.

    By the tabular method: with sire s and dam d, :math:`a_{ij} = (a_{sj} + a_{dj}) / 2` for each j that is
    not a descendant of i, and :math:`a_{ii} = 1 + a_{sd} / 2`; an unknown parent is unrelated to all. Give it
    to `KnownMatrix` as the covariance of breeding values, per unit of additive variance; `PedigreeMatrix`
    is that covariance without A being written out.

    Args:
        ped: A `Pedigree`, or what it takes: rows (individual, sire, dam) in any order.
        unknown: Labels of an unknown parent, besides None and NaN; not used with a `Pedigree`.
        add_founders: Whether parents without a row of their own are added as founders behind the others
            (`Pedigree(ped, add_founders=True).individuals` then labels the rows), or refused; not used with
            a `Pedigree`.

    Returns:
        A, shape (n, n), float64, rows and columns in the order of the pedigree's rows.

    Raises:
        TypeError: `ped` is not a pedigree in any form.
        ValueError: the pedigree is impossible (see `Pedigree`), or has more than 20 000 individuals.

    Example:
        >>> from covstudio.covariance import DummyMatrix, KnownMatrix, Pedigree, pedigree_relationship
        >>> ped = Pedigree([("calf", "bull", "cow"), ("bull", None, None), ("cow", None, None)])
        >>> g = KnownMatrix(pedigree_relationship(ped))
        >>> g.K
        tensor([[1.0000, 0.5000, 0.5000],
                [0.5000, 1.0000, 0.0000],
                [0.5000, 0.0000, 1.0000]], dtype=torch.float64)
        >>> DummyMatrix(["cow", "calf"], levels=[ped.individuals], lex_order=False)()
        tensor([[0., 0., 1.],
                [1., 0., 0.]])

    Reference:
        Mrode (2014), Linear Models for the Prediction of Animal Breeding Values, 3rd edition, section 2.2;
        Henderson (1976), Biometrics 32, 69-83.
    """
    pedigree = _pedigree(ped, unknown, add_founders)
    count = len(pedigree)
    if count > MAX_DENSE:
        raise ValueError(
            f"ped must have at most {MAX_DENSE} individuals for a dense matrix, got {count}; use "
            "PedigreeMatrix, or pedigree_inverse, which is sparse, or drop individuals without records or "
            "offspring"
        )
    a = torch.zeros((count, count), dtype=torch.float64)
    for k in pedigree.order:
        s, d = pedigree.sires[k], pedigree.dams[k]
        # What is not filled in yet is 0, and rows of descendants come later.
        row = a[[parent for parent in (s, d) if parent >= 0]].sum(0) / 2
        a[k], a[:, k] = row, row
        a[k, k] = 1.0 + (float(a[s, d]) / 2 if s >= 0 and d >= 0 else 0.0)
    return a


def pedigree_inverse(
    ped: object, *, unknown: Collection[Label] = UNKNOWN, add_founders: bool = False
) -> Tensor:
    r"""The inverse of the additive relationship matrix, sparse, by Henderson's rules with inbreeding.

    An individual with variance of Mendelian sampling :math:`d_i = \tfrac12 - \tfrac14 (F_s + F_d)` (F = -1
    for an unknown parent) adds :math:`w w' / d_i`, where w is 1 at the individual and -1/2 at each known
    parent. A itself is never formed.

    Args:
        ped: A `Pedigree`, or what it takes: rows (individual, sire, dam) in any order.
        unknown: Labels of an unknown parent, besides None and NaN; not used with a `Pedigree`.
        add_founders: Whether parents without a row of their own are added as founders, or refused; not used
            with a `Pedigree`.

    Returns:
        The inverse of A, a coalesced sparse COO tensor of shape (n, n), float64, in the order of the
        pedigree's rows; `.to_dense()` writes it out, `.to_sparse_csr()` compresses its rows.

    Raises:
        TypeError: `ped` is not a pedigree in any form.
        ValueError: the pedigree is impossible (see `Pedigree`).
        SingularMatrixError: A has no inverse, as when a fully inbred line is selfed again.

    Example:
        >>> from covstudio.covariance import pedigree_inverse
        >>> pedigree_inverse([("a", None, None), ("b", "a", None)]).to_dense()
        tensor([[ 1.3333, -0.6667],
                [-0.6667,  1.3333]], dtype=torch.float64)

    Reference:
        Henderson (1976), A simple method for computing the inverse of a numerator relationship matrix,
        Biometrics 32, 69-83; Quaas (1976), Biometrics 32, 949-953; Meuwissen & Luo (1992), Genetics Selection
        Evolution 24, 305-313.
    """
    found = henderson(_pedigree(ped, unknown, add_founders))
    off = found.rows != found.columns
    rows = torch.cat([found.rows, found.columns[off]])
    columns = torch.cat([found.columns, found.rows[off]])
    count = len(found.sampling)
    return torch.sparse_coo_tensor(
        torch.stack([rows, columns]),
        torch.cat([found.entries, found.entries[off]]),
        (count, count),
        check_invariants=True,
    ).coalesce()


@dataclass(frozen=True, eq=False)
class RelationshipInverse:
    """The inverse of a relationship matrix by its entries.

    Attributes:
        rows: rows of the entries of its lower triangle, the diagonal among them, each place once.
        columns: their columns.
        entries: the entries, float64.
        inbreeding: inbreeding coefficients, (n,).
        sampling: variances of Mendelian sampling, (n,), whose logarithms add up to log|A|.
    """

    rows: Tensor
    columns: Tensor
    entries: Tensor
    inbreeding: Tensor
    sampling: Tensor


def henderson(pedigree: Pedigree) -> RelationshipInverse:
    """The inverse of A by its entries.

    Raises:
        SingularMatrixError: A has no inverse.

    Example:
        >>> found = henderson(Pedigree([("a", None, None), ("b", "a", None)]))
        >>> found.rows.tolist(), found.columns.tolist()
        ([0, 1, 1], [0, 0, 1])
        >>> found.entries
        tensor([ 1.3333, -0.6667,  1.3333], dtype=torch.float64)
    """
    if pedigree not in _FOUND:
        _FOUND[pedigree] = _henderson(pedigree)
    return _FOUND[pedigree]


#: Inbreeding is found once for a pedigree: it takes longer than everything else.
_FOUND: WeakKeyDictionary[Pedigree, RelationshipInverse] = WeakKeyDictionary()


def _henderson(pedigree: Pedigree) -> RelationshipInverse:
    count = len(pedigree)
    inbreeding, sampling = pedigree.mendelian()
    lost = sampling <= count * torch.finfo(torch.float64).eps
    if bool(lost.any()):
        name = pedigree.individuals[int(lost.nonzero()[0])]
        raise SingularMatrixError(
            f"ped must leave every individual some Mendelian sampling, got none for {name!r}: its parents "
            "are fully inbred, and A has no inverse; list such a line as one individual"
        )
    who = torch.tensor([range(count), pedigree.sires, pedigree.dams])
    weights = torch.tensor([1.0, -0.5, -0.5], dtype=torch.float64)
    keys: list[Tensor] = []
    entries: list[Tensor] = []
    # Everybody adds w w'/d: the lower triangle of it, where parents are known.
    for i in range(3):
        for j in range(3):
            here = (who[i] >= 0) & (who[j] >= 0) & (who[i] >= who[j])
            keys.append(who[i, here] * count + who[j, here])
            entries.append(weights[i] * weights[j] / sampling[here])
    places, which = torch.unique(torch.cat(keys), return_inverse=True)
    summed = torch.zeros(len(places), dtype=torch.float64).index_add_(0, which, torch.cat(entries))
    return RelationshipInverse(places // count, places % count, summed, inbreeding, sampling)


def genomic_relationship(markers: object, *, dosages: bool = False) -> Tensor:
    r"""The genomic relationship matrix G of VanRaden's first method.

    :math:`G = Z Z' / (2 \sum_j p_j (1 - p_j))`. Z holds the counts of one allele less their means:
    :math:`z_{ij} = m_{ij} - 2 p_j`, with :math:`p_j` the frequency of that allele among the calls of marker
    j. A missing call takes the mean, :math:`2 p_j`. A marker with one allele only adds nothing. G is singular
    (its rows sum to 0): as a covariance it needs a residual beside it.

    Args:
        markers: Counts of one allele, 0, 1 or 2, individuals in rows and markers in columns; NaN for a
            missing call. A table of shape (n, m): lists, tensor, array or DataFrame.
        dosages: Whether expected counts, any numbers from 0 to 2, are allowed, as imputation gives them.

    Returns:
        G, shape (n, n), float64, symmetric and positive semi-definite.

    Raises:
        TypeError: `markers` does not hold numbers.
        ValueError: it is not a table; holds another number than 0, 1, 2 or NaN; a marker or an individual
            has no call at all; or no marker varies.

    Warns:
        RuntimeWarning: calls are missing: how many were imputed, and in how many markers.

    Example:
        >>> from covstudio.covariance import genomic_relationship
        >>> genomic_relationship([[0, 2, 1], [1, 1, 1], [2, 0, 1]])
        tensor([[ 1.3333,  0.0000, -1.3333],
                [ 0.0000,  0.0000,  0.0000],
                [-1.3333,  0.0000,  1.3333]], dtype=torch.float64)

    Reference:
        VanRaden (2008), Efficient methods to compute genomic predictions, Journal of Dairy Science 91,
        4414-4423 (method 1).
    """
    root = centred_markers(markers, dosages=dosages, stacklevel=3)
    g = root @ root.T
    return (g + g.T) / 2


def centred_markers(markers: object, *, dosages: bool = False, stacklevel: int = 2) -> Tensor:
    """W / sqrt(c) of the genomic relationship matrix G = W W' / c; see `genomic_relationship`."""
    m = as_float_tensor(markers, "markers").to(torch.float64)
    if m.ndim != 2 or m.numel() == 0:
        raise ValueError(
            f"markers must be a table with individuals in rows and markers in columns, got shape "
            f"{tuple(m.shape)}; give one list of calls per individual"
        )
    missing = torch.isnan(m)
    _check_calls(m, missing, dosages)
    calls = (~missing).sum(0)
    frequency = m.nan_to_num(nan=0.0).sum(0) / (2 * calls)
    scale = 2 * float((frequency * (1 - frequency)).sum())
    z = torch.where(missing, 0.0, m - 2 * frequency)
    if scale == 0.0 or not bool((z != 0).any()):
        raise ValueError(
            f"markers must vary between individuals, got {m.shape[1]} without any variation among "
            f"{m.shape[0]} individuals; check that individuals are in rows"
        )
    if bool(missing.any()):
        warnings.warn(
            f"{int(missing.sum())} of {m.numel()} calls are missing, in {int(missing.any(0).sum())} of "
            f"{m.shape[1]} markers: each was imputed to the mean of its marker",
            RuntimeWarning,
            stacklevel=stacklevel,
        )
    root: Tensor = z / scale**0.5
    return root


def _check_calls(m: Tensor, missing: Tensor, dosages: bool) -> None:
    allowed = ((m >= 0) & (m <= 2)) if dosages else ((m == 0) | (m == 1) | (m == 2))
    bad = ~(allowed | missing)
    if bool(bad.any()):
        i, j = (int(k) for k in bad.nonzero()[0])
        coding = "from 0 to 2" if dosages else "0, 1 or 2"
        value = float(m[i, j])
        if float(m[~missing].min()) == -1.0 and float(m[~missing].max()) <= 1.0:
            advice = "these look like -1, 0, 1: add 1"
        elif not dosages and 0 <= value <= 2:
            advice = "round them, or allow expected counts with dosages=True"
        else:
            advice = "count one allele, and give NaN for a missing call"
        raise ValueError(
            f"markers must be {coding}, the count of one allele, or NaN, got {value:g} for individual {i}, "
            f"marker {j} (from 0 on; {int(bad.sum())} such in all); {advice}"
        )
    for axis, what in ((0, "marker"), (1, "individual")):
        empty = missing.all(axis)
        if bool(empty.any()):
            raise ValueError(
                f"markers must have a call for every {what}, got none for {what} {int(empty.nonzero()[0])} "
                f"(from 0 on; {int(empty.sum())} such in all); remove it"
            )
