r"""Effects of levels that the fit has none of: what a term's G says about them.

A new effect t of a term with effects u ~ N(0, G) has covariances c = cov(u, t) and a variance v of its own.
Its best linear unbiased prediction and the prediction error variance are

.. math:: \hat t = c'Z'Py, \qquad \operatorname{var}(\hat t - t) = v - c'Z'PZc,

X beta left aside: with c = 0, as for independent levels, the prediction is 0 and its error variance is v.

c and v follow from G where levels are exchangeable (independent, or equally correlated) and where G is a
covariance function of places on a line that the names of the levels tell. For any other G, such as that of a
pedigree or of places in the plane, `Wider` gives the G of old and new levels together.

Sources: Henderson (1977), J. Dairy Sci. 60:783 (prediction of animals without records); Cressie (1993),
Statistics for Spatial Data, section 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from covstudio.covariance import Matrix, UnknownStructure, declaration, linalg
from covstudio.reml.inference.tables import listed, plural
from covstudio.reml.inference.terms import RandomTerm
from covstudio.reml.problem.errors import InvalidData

__all__ = ["Wider", "new_effects", "widened"]

#: The part of a wider G that belongs to the fit differs from the fit's by no more than this share.
SAME = 1e-8
#: Names of levels are places on a line where they lie on it as exactly as this, in steps.
STRAIGHT = 1e-6


@dataclass(frozen=True, eq=False)
class Wider:
    """G of a random term over more levels than the fit has.

    Args:
        g: G over old and new levels, (q + k, q + k): of the same kind as in the model, with the same
            parameters, whose estimates it takes; or a tensor where the model has one.
        levels: names of all its rows, those of the fit among them; empty where the first q are those of the
            fit.

    Example:
        >>> from covstudio.covariance import KnownMatrix
        >>> Wider(KnownMatrix([[1.0, 0.5], [0.5, 1.0]]), ["sire", "calf"]).levels
        ['sire', 'calf']
    """

    g: Matrix | Tensor
    levels: Sequence[str] = ()


def new_effects(term: RandomTerm, levels: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Covariances of new levels with the effects of the fit, and their variances, as far as G tells them.

    Args:
        term: the random term.
        levels: names that are none of its levels.

    Returns:
        (q, m) and (m,).

    Raises:
        InvalidData: G does not tell them.
    """
    q, m = term.columns, len(levels)
    if _exchangeable(term.g):
        variance, shared = _exchangeable_entries(term)
        if variance + (q + m - 1) * shared < -SAME * variance:
            raise InvalidData(
                f"{plural(q + m, 'level')} of {term.path!r} cannot all have the correlation "
                f"{shared / variance:.4g} that the fit found for {q}: there is no such covariance matrix. "
                "Give covariance= and variance= for new levels."
            )
        like = term.g_natural.to(torch.float64)
        return like.new_full((q, m), shared), like.new_full((m,), variance)
    found = linalg.covariance_function(term.g) if isinstance(term.g, Matrix) else None
    if found is not None:
        places = _places(term, found.times, levels)
        if places is not None:
            own, new = places
            with torch.no_grad():
                cross = found.value(term.g_natural, (own[:, None] - new).abs())
                variance_at = found.value(term.g_natural, torch.zeros(m, dtype=torch.float64))
            if bool(torch.isfinite(cross).all()):
                return cross, variance_at
    raise InvalidData(
        f"z[{term.path!r}] has {listed([repr(level) for level in levels])}, which the fit has no effect of "
        f"(levels: {listed(term.levels)}), and its G does not tell how a new level varies with these. Give "
        f"wider={{{term.path!r}: Wider(g, levels)}} with G over old and new levels, or None for no effect."
    )


def _exchangeable(g: Matrix | Tensor) -> bool:
    """Whether G is declared to be the same in any order of its levels, and so one more is like the others."""
    if isinstance(g, Tensor):
        return False
    made = linalg.composition(g)
    if made is None:
        try:
            return declaration(type(g)).exchangeable
        except UnknownStructure:
            return False
    return made.how in ("sum", "entrywise product", "multiple") and all(
        (isinstance(part.operand, Matrix) and _exchangeable(part.operand))
        or (made.how == "multiple" and tuple(part.operand.shape) == (1, 1))
        for part in made.parts
    )


def _exchangeable_entries(term: RandomTerm) -> tuple[float, float]:
    """The variance of every level, and the covariance of any two; 0 where there is but one level."""
    first = torch.zeros((term.columns, 1), dtype=torch.float64)
    first[0] = 1.0
    column = term.covariance_times(first)[:, 0]
    return float(column[0]), float(column[1]) if len(column) > 1 else 0.0


def _places(term: RandomTerm, times: Tensor | None, levels: Sequence[str]) -> tuple[Tensor, Tensor] | None:
    """Places of the fit's levels and of new ones on the line of the covariance function.

    None where the names are no numbers, or do not lie on that line.
    """
    try:
        named = torch.tensor([float(level) for level in term.levels], dtype=torch.float64)
        new = torch.tensor([float(level) for level in levels], dtype=torch.float64)
    except ValueError:
        return None
    own = torch.arange(term.columns, dtype=torch.float64) if times is None else times.to(torch.float64)
    if len(named) < 2 or not bool(torch.isfinite(torch.cat([named, new])).all()):
        return None
    low, high = int(named.argmin()), int(named.argmax())
    slope = (own[high] - own[low]) / (named[high] - named[low])
    there = own[low] + slope * (named - named[low])
    step = float((own[high] - own[low]).abs()) / (len(own) - 1)
    if not bool(((there - own).abs() <= STRAIGHT * step).all()):
        return None
    return own, own[low] + slope * (new - named[low])


def widened(term: RandomTerm, wider: Wider) -> tuple[RandomTerm, Tensor]:
    """A term with more levels, and the places of the fit's effects among its own.

    Args:
        term: the random term of the fit.
        wider: G over more levels.

    Returns:
        The term with that G, and q places.

    Raises:
        InvalidData: it is not the G of the fit with levels added.
    """
    q, where = term.columns, f"wider[{term.path!r}]"
    names = tuple(map(str, wider.levels))
    total = int(wider.g.shape[0])
    if tuple(wider.g.shape) != (total, total) or total < q:
        raise InvalidData(
            f"{where} must be square with at least {q} rows, those of the fit, and is "
            f"{' x '.join(map(str, wider.g.shape))}."
        )
    if names and (len(names) != total or len(set(names)) != total):
        raise InvalidData(
            f"{where} has {total} rows and needs as many different names; got {len(set(names))} of "
            f"{len(names)}."
        )
    if names:
        missing = [level for level in term.levels if level not in names]
        if missing:
            raise InvalidData(f"{where} lacks levels of the fit: {listed(missing)}. Name all its rows.")
        place = {level: i for i, level in enumerate(names)}
        kept = torch.tensor([place[level] for level in term.levels])
    else:
        kept = torch.arange(q)
        names = (*term.levels, *(str(i) for i in range(q, total)))
    _check_kind(term, wider.g, where)
    whole = RandomTerm(term.path, term.z, wider.g, term.z_natural, term.g_natural, names)
    _check_same(term, whole, kept, where)
    return whole, kept


def _check_kind(term: RandomTerm, g: Matrix | Tensor, where: str) -> None:
    ours = () if isinstance(term.g, Tensor) else tuple(term.g.param_names)
    given = () if isinstance(g, Tensor) else tuple(g.param_names)
    if ours != given:
        raise InvalidData(
            f"{where} must have the parameters of the fit's G, {listed(ours) or 'none'}, and has "
            f"{listed(given) or 'none'}: build it by the same structure."
        )


def _check_same(term: RandomTerm, whole: RandomTerm, kept: Tensor, where: str) -> None:
    """Refuse a G whose part for the fit's levels is another than the fit's."""
    q = term.columns
    generator = torch.Generator().manual_seed(0)
    probe = torch.randn((q, 3), generator=generator, dtype=torch.float64)
    placed = torch.zeros((whole.columns, 3), dtype=torch.float64)
    placed[kept] = probe
    ours, given = term.covariance_times(probe), whole.covariance_times(placed)[kept]
    if not bool(((ours - given).abs() <= SAME * (1e-300 + ours.abs().max())).all()):
        raise InvalidData(
            f"{where} has other covariances between the levels of the fit than the fit: its rows for "
            f"{listed(term.levels, 3)} must be those of the model's G. Are the names in the order of its "
            "rows?"
        )
