r"""The case of the residuals of a fit against its V: correlogram, variogram, variances and slopes by group.

Each finding has two numbers that can be looked at, what the sample has and what the model expects, and
one that weighs them: z of the score test for the piece of V that would explain it
(`covstudio.choosing.scores`).

- **Correlogram**: residuals :math:`y - X\hat\beta` of neighbours, beside the correlation that V gives
  them. The piece has :math:`e^{1 - d/d_1}` for pairs at distance :math:`d`, the nearest being
  :math:`d_1`.
- **Variogram**: half the mean squared difference of nearest neighbours, beside the model's; the piece is a
  nugget.
- **Groups**: residuals of the same level of a factor, of all pairs; the piece is 1 for each pair.
- **Variances by group**: mean squares of the studentised residuals of each level, which are 1 under the
  model; one piece for each level, tested together.
- **Slopes**: the piece has :math:`x_ix_j` for rows of the same level, x without its mean.

Sources: Cressie (1993), Statistics for Spatial Data, sections 2.4 and 3.4; Pinheiro & Bates (2000),
Mixed-Effects Models in S and S-PLUS, section 5.3; Verbeke & Molenberghs (2003), Biometrics 59:254.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from covstudio.choosing.places import Places, codes, positions
from covstudio.choosing.scores import ROWS, Scores, normal_of
from covstudio.formula.effects import label
from covstudio.plots.fitted import FittedModel
from covstudio.plots.pairs import Pairs, pairs_by_distance

__all__ = ["Evidence", "Finding", "Kind"]

Array = NDArray[np.float64]
Kind = Literal["correlogram", "variogram", "groups", "variances", "slopes"]

#: Neighbours are counted up to so many times the distance of the nearest.
REACH = 6.0
#: Levels of a factor whose variances are compared at most, and rows that each must have.
LEVELS, ROWS_OF_LEVEL = 20, 4
#: Pairs of rows that one piece has at most.
PAIRS = 400_000


@dataclass(frozen=True)
class Finding:
    """Something that the residuals say.

    Attributes:
        kind: "correlogram", "variogram", "groups", "variances" or "slopes".
        of: what it is about, in words.
        columns: the columns concerned: places, factors, or the covariate of slopes.
        within: the columns within whose levels rows are compared.
        pairs: pairs of rows, or rows, that it rests on.
        sample: of the residuals: a correlation, a semivariance, or the largest mean square of a level;
            NaN for slopes.
        model: what the model expects.
        z: standard normal under the model; positive where the residuals have more of it.
    """

    kind: Kind
    of: str
    columns: tuple[str, ...]
    within: tuple[str, ...]
    pairs: int
    sample: float
    model: float
    z: float

    @property
    def sentence(self) -> str:
        """The finding in a sentence."""
        told = f"z = {self.z:.1f}"
        if self.kind == "correlogram":
            return (
                f"Residuals of neighbours along {self.of} correlate {self.sample:.2f}, and the model expects "
                f"{self.model:.2f} ({told})."
            )
        if self.kind == "variogram":
            return (
                f"The semivariance of nearest neighbours is {self.sample:.3g}, and the model expects "
                f"{self.model:.3g} ({told})."
            )
        if self.kind == "groups":
            return (
                f"Residuals of the same level of {self.of} correlate {self.sample:.2f}, and the model "
                f"expects {self.model:.2f} ({told})."
            )
        if self.kind == "variances":
            return (
                f"The residuals vary up to {self.sample:.2g} times as much by level of {self.of} as the "
                f"model expects ({told})."
            )
        return f"The residuals rise or fall with {self.of} ({told})."


class Evidence:
    """What the residuals of a fit say against its V.

    Args:
        model: the fit with its table.
        places: where the rows stand.
        covariates: numeric columns of the fixed effects.

    Attributes:
        notes: what was left out.
    """

    def __init__(self, model: FittedModel, places: Places, covariates: tuple[str, ...]) -> None:
        self.model, self.places, self.covariates = model, places, covariates
        self.rows = self._rows()
        self.scores = Scores(model.inference, self.rows)
        self.notes: tuple[str, ...] = ()
        if len(self.rows) < model.data.n:
            self.notes = (
                f"Residuals of {len(self.rows):,} of the {model.data.n:,} rows were looked at, whole groups "
                "chosen at random.",
            )

    def _rows(self) -> NDArray[np.int64]:
        """The rows that are looked at: all, or whole subjects or trials chosen at random."""
        n = self.model.data.n
        if n <= ROWS:
            return np.arange(n)
        generator = np.random.default_rng(0)
        whole = self.places.subject or self.places.trial
        group = codes(self.model.data, whole) if whole else np.zeros(n, dtype=np.int64)
        found: list[NDArray[np.int64]] = []
        for one in generator.permutation(int(group.max()) + 1):
            own = np.flatnonzero(group == one)
            room = ROWS - sum(map(len, found))
            if len(own) <= room:
                found.append(own)
            elif not found:
                # One large field: as many rows as there is room for, next to each other in the table.
                found.append(own[:room])
        return np.sort(np.concatenate(found))

    def _codes(self, columns: tuple[str, ...]) -> NDArray[np.int64]:
        """The group of each of the rows, from 0, of those groups that have any."""
        found: NDArray[np.int64] = np.unique(codes(self.model.data, columns)[self.rows], return_inverse=True)[
            1
        ]
        return found

    @cached_property
    def _raw(self) -> tuple[Array, Array]:
        """y - X beta of the rows, and their covariance matrix under the model."""
        residual = (self.model.y - self.model.fit.marginal_fitted.cpu().numpy())[self.rows]
        return residual, self.model.inference.residual_covariance(self.rows.tolist()).numpy()

    def findings(self) -> tuple[Finding, ...]:
        """All findings, whatever they weigh; those that say nothing are left out."""
        found = [*self._series(), *self._field(), *self._groups(), *self._variances(), *self._slopes()]
        return tuple(one for one in found if math.isfinite(one.z))

    # --- neighbours ---

    def _series(self) -> Iterator[Finding]:
        when, whose = self.places.time, self.places.subject
        if not when:
            return
        at = positions(self.model.data, when)[self.rows]
        yield from self._along({when: at}, whose)

    def _field(self) -> Iterator[Finding]:
        if not self.places.field:
            return
        at = {name: positions(self.model.data, name)[self.rows] for name in self.places.field}
        yield from self._along(at, self.places.trial)

    def _along(self, at: dict[str, Array], within: tuple[str, ...]) -> Iterator[Finding]:
        """Neighbours in every direction, and the nugget."""
        if any(bool(np.isnan(values).any()) for values in at.values()):
            return
        group = self._codes(within)
        residual, expected = self._raw
        nearest: Pairs | None = None
        for pairs in pairs_by_distance(at, group):
            first = pairs.group == int(np.argmin(pairs.distance))
            apart = pairs.distance[pairs.group]
            step = float(apart[first].mean())
            near = apart <= REACH * step
            i, j = pairs.i[near], pairs.j[near]
            if len(i) > PAIRS:
                continue
            z = self.scores.score(i, j, np.exp(1.0 - apart[near] / step))
            a, b = pairs.i[first], pairs.j[first]
            inside = f" within {label(within)}" if within else ""
            words = f"{pairs.direction}{inside}"
            sample = float(np.mean(residual[a] * residual[b]) / np.mean(residual**2))
            model = float(expected[a, b].mean() / expected.diagonal().mean())
            columns = (pairs.direction,)
            yield Finding("correlogram", words, columns, within, int(first.sum()), sample, model, z)
            nearest = nearest or Pairs(
                pairs.direction, a, b, np.zeros(len(a), dtype=np.int64), np.array([step])
            )
        if nearest is not None:
            i, j = nearest.i, nearest.j
            spread = expected.diagonal()
            every = np.arange(len(self.rows))
            yield Finding(
                "variogram",
                " x ".join(at),
                tuple(at),
                within,
                len(i),
                float(np.mean(0.5 * (residual[i] - residual[j]) ** 2)),
                float(np.mean(0.5 * (spread[i] + spread[j]) - expected[i, j])),
                self.scores.score(every, every),
            )

    # --- groups ---

    def _groups(self) -> Iterator[Finding]:
        factors = self.places.factors
        seen: set[bytes] = set()
        for columns in [*((one,) for one in factors), *itertools.combinations(factors, 2)]:
            group = self._codes(columns)
            if group.tobytes() in seen or len(np.unique(group)) < 3:
                continue
            seen.add(group.tobytes())
            i, j = _pairs_within(group)
            if not 0 < len(i) <= PAIRS:
                continue
            residual, expected = self._raw
            sample = float(np.mean(residual[i] * residual[j]) / np.mean(residual**2))
            model = float(expected[i, j].mean() / expected.diagonal().mean())
            every = np.arange(len(group))
            z = self.scores.score(np.concatenate([i, every]), np.concatenate([j, every]))
            yield Finding("groups", ":".join(columns), columns, (), len(i), sample, model, z)

    def _variances(self) -> Iterator[Finding]:
        every = np.arange(len(self.rows))
        residuals = self.model.inference.residuals
        value = residuals.conditional_studentised.numpy()[self.rows]
        if bool(np.isnan(value).any()):
            value = residuals.marginal_studentised.numpy()[self.rows]
        for column in self.places.factors:
            group = self._codes((column,))
            count = np.bincount(group)
            if not 2 <= len(count) <= LEVELS or count.min() < ROWS_OF_LEVEL:
                continue
            pieces = [self.scores.piece(every[group == k], every[group == k]) for k in range(len(count))]
            chi2, df = self.scores.together(pieces)
            most = max(float(np.mean(value[group == k] ** 2)) for k in range(len(count)))
            yield Finding("variances", column, (column,), (), len(group), most, 1.0, normal_of(chi2, df))

    def _slopes(self) -> Iterator[Finding]:
        data = self.model.data
        for covariate, factor in itertools.product(self.covariates, self.places.factors):
            x = positions(data, covariate)[self.rows]
            group = self._codes((factor,))
            if covariate == factor or bool(np.isnan(x).any()) or len(np.unique(group)) < 4:
                continue
            x = x - x.mean()
            i, j = _pairs_within(group)
            inside = np.bincount(group, x**2) - np.bincount(group, x) ** 2 / np.bincount(group)
            if not 0 < len(i) <= PAIRS or np.median(inside) <= 1e-8 * float(np.mean(x**2)):
                continue
            every = np.arange(len(group))
            i, j = np.concatenate([i, every]), np.concatenate([j, every])
            z = self.scores.score(i, j, x[i] * x[j])
            words = f"{covariate} differently from {factor} to {factor}"
            yield Finding("slopes", words, (covariate,), (factor,), len(group), math.nan, math.nan, z)


def _pairs_within(group: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All pairs of different rows of the same group."""
    i, j = np.triu_indices(len(group), 1)
    same = group[i] == group[j]
    return i[same], j[same]
