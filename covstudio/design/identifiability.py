r"""Parameters that a design cannot tell apart, and whether it never could or only at these values.

The expected information is scaled to a unit diagonal; what it does not tell are the eigenvectors of its
smallest eigenvalues, :math:`u`, brought back to natural values by :math:`D^{-1/2}u`. The same is looked for
at random values inside the ranges: what is lost there too is lost for good, whatever the values are.

- A direction that is the same everywhere in natural values leaves sums: "only their sum".
- One that is the same everywhere in logarithms leaves products and ratios.
- Any other is described near the values that were asked for.

Source: Rothenberg (1971), Identification in parametric models, Econometrica 39:577-591.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covstudio.design.information import InformationMatrix, information_at
from covstudio.design.planned import Planned
from covstudio.reml.diagnosis.combinations import Estimable, in_words, independent_rows, listed
from covstudio.reml.diagnosis.constants import IDENTIFIABLE, LISTED
from covstudio.reml.diagnosis.identifiability import groups_of
from covstudio.reml.diagnosis.scaled_information import ScaledInformation
from covstudio.reml.fitting.parameter_covariance import ParameterCovariance, covariance_of
from covstudio.reml.problem.errors import InvalidModel
from covstudio.threads import symmetric_eigen

__all__ = ["Identifiability", "Untold", "identifiability"]

Vector = NDArray[np.float64]

#: Eigenvalues of the scaled information below this share of the largest are directions hardly told.
HARDLY = 1e-3
#: How far random values stray from those asked for, on the raw scale; half as far each time V is no
#: covariance.
STRAY, TRIES = 0.7, 6
#: Directions this close to each other, in sines of angles, are the same.
SAME = 1e-5
#: The random values inside the ranges.
SEED, PLACES = 20_260_801, 2
#: A parameter takes part in a direction that is hardly told with more than this weight, squared.
PART = 0.02


@dataclass(frozen=True)
class Untold:
    """Parameters that a design cannot, or can hardly, tell apart.

    Attributes:
        names: their paths.
        estimable: the combinations of them that it does tell.
        structural: whether it is so for any values; False for an accident of these.
        hardly: whether they are told apart, but hardly.
        sentence: all this in a sentence.
    """

    names: tuple[str, ...]
    estimable: tuple[Estimable, ...]
    structural: bool
    hardly: bool
    sentence: str


@dataclass(frozen=True, repr=False)
class Identifiability:
    """What a design does not tell.

    Attributes:
        groups: the parameters that are not told apart: for good, then at these values, then hardly.
        condition: the smallest eigenvalue of the scaled information as a share of the largest.
    """

    groups: tuple[Untold, ...]
    condition: float

    @property
    def identifiable(self) -> bool:
        """Whether all parameters are told, if only hardly."""
        return all(group.hardly for group in self.groups)

    def __repr__(self) -> str:
        if not self.groups:
            return "All parameters are told apart."
        return "\n".join(group.sentence for group in self.groups)


def identifiability(here: Planned, information: InformationMatrix) -> Identifiability:
    """What a design does not tell at some values, and anywhere.

    Args:
        here: the design at its values.
        information: the expected information there, about all estimated parameters.
    """
    if not information.coordinates:
        return Identifiability((), math.nan)
    at = _Place(here, information)
    places = _elsewhere(here, information)
    words = _Words(at, bool(places))
    found = []
    for why in dict.fromkeys(at.silent.values()):
        own = [i for i, said in at.silent.items() if said == why]
        always = [i for i in own if places and all(i in place.silent for place in places)]
        found += [words.silent(always, why, True)] if always else []
        here_only = [i for i in own if i not in always]
        found += [words.silent(here_only, why, False)] if here_only else []
    known: list[tuple[tuple[int, ...], int]] = []
    for members in _components(places):
        lost = [place.directions(members) for place in places]
        fewest = min(directions.shape[1] for directions in lost)
        if fewest:
            known.append((members, fewest))
            found.append(words.structural(members, lost, places))
    for members, directions in at.groups:
        if not any(set(members) <= set(own) and directions.shape[1] <= count for own, count in known):
            found.append(words.accident(members, directions))
    told = {name for group in found for name in group.names}
    found += [words.hardly(members) for members in at.hardly() if not told & {at.names[i] for i in members}]
    found.sort(key=lambda group: (group.hardly, not group.structural))
    return Identifiability(tuple(found), at.condition)


def _components(places: Sequence[_Place]) -> list[tuple[int, ...]]:
    """Parameters that hang together at any of several places: one of little weight may be missed at one."""
    found: list[set[int]] = []
    for members, _ in (group for place in places for group in place.groups):
        own = set(members)
        for other in [other for other in found if other & own]:
            own |= other
            found.remove(other)
        found.append(own)
    return sorted(tuple(sorted(own)) for own in found)


def _elsewhere(here: Planned, information: InformationMatrix) -> list[_Place]:
    """The design at random values inside the ranges; none where V is no covariance there."""
    rng = np.random.default_rng(SEED)
    variance = here.variance
    raw = variance.theta(here.natural)
    start = variance.theta(variance.defaults)
    raw = np.where(np.isfinite(raw), raw, np.where(np.isfinite(start), start, 0.0))
    moves = np.isin(variance.free, [c.position for c in information.coordinates])
    found = []
    for _ in range(PLACES):
        direction = rng.uniform(-STRAY, STRAY, len(raw)) * moves
        for attempt in range(TRIES):
            there = here.at(variance.natural(raw + direction * 0.5**attempt))
            try:
                found.append(_Place(there, information_at(there, information.coordinates)))
            except InvalidModel:
                continue
            break
    return found if len(found) == PLACES else []


class _Place:
    """What is lost at some values.

    Attributes:
        names: of the parameters.
        values: natural values of the parameters, (K,).
        silent: places of parameters without any information, and why.
        groups: places of parameters that are tied together, and the directions, (m, d) in natural values.
        condition: smallest eigenvalue as a share of the largest.
        covariance: of the combinations that are told.
    """

    def __init__(self, there: Planned, found: InformationMatrix) -> None:
        positions = [c.position for c in found.coordinates]
        self.names = tuple(c.name for c in found.coordinates)
        self.values: Vector = there.natural[positions]
        self.silent = {i: found.silent[k] for i, k in enumerate(positions) if k in found.silent}
        matrix = found.matrix
        if not found.exact:
            # Differences of scores do not tell what is 0; average information has the same directions.
            told = np.array([k not in found.silent for k in positions])
            matrix = np.where(np.outer(told, told), there.point.derivatives(positions).information, 0.0)
        self.used = np.array([i for i in range(len(positions)) if i not in self.silent], dtype=np.intp)
        self.covariance: ParameterCovariance | None = covariance_of(found.coordinates, matrix, "expected")
        self.groups: list[tuple[tuple[int, ...], Vector]] = []
        self.condition = math.nan
        self._eigen = np.zeros(0), np.zeros((0, 0))
        if len(self.used):
            metric = ScaledInformation(matrix, self.used)
            unit = matrix[np.ix_(self.used, self.used)] / np.outer(metric.scale, metric.scale)
            self._eigen = symmetric_eigen(unit)
            self.condition = float(self._eigen[0][0] / self._eigen[0][-1])
            for members, directions in groups_of(metric.null):
                own = tuple(self.used[members].tolist())
                self.groups.append((own, directions / metric.scale[members][:, None]))

    def directions(self, members: Sequence[int]) -> Vector:
        """The directions that are lost among some parameters, (m, d) in natural values."""
        place = {i: k for k, i in enumerate(members)}
        columns = []
        for own, directions in self.groups:
            if not set(own) <= set(members):
                continue
            whole = np.zeros((len(members), directions.shape[1]))
            whole[[place[i] for i in own]] = directions
            columns.append(whole)
        return np.hstack(columns) if columns else np.zeros((len(members), 0))

    def hardly(self) -> list[tuple[int, ...]]:
        """Parameters that take part in directions with little information, the worst first."""
        eigenvalues, vectors = self._eigen
        if not len(eigenvalues):
            return []
        share = eigenvalues / eigenvalues[-1]
        found = []
        for j in np.flatnonzero((share < HARDLY) & (eigenvalues >= IDENTIFIABLE)):
            members = tuple(self.used[np.flatnonzero(vectors[:, j] ** 2 > PART)].tolist())
            if members not in found:
                found.append(members)
        return found


class _Words:
    """Sentences about what is lost at some values.

    Args:
        at: what is lost there.
        looked: whether it was looked at elsewhere too.
    """

    def __init__(self, at: _Place, looked: bool) -> None:
        self.at, self.looked = at, looked

    def _names(self, members: Sequence[int]) -> tuple[str, ...]:
        return tuple(self.at.names[i] for i in members)

    def silent(self, members: Sequence[int], why: str, structural: bool) -> Untold:
        """Parameters about which nothing is told."""
        names = self._names(members)
        it = "it" if len(names) == 1 else "them"
        why = why.replace(" it", f" {it}") if structural else f"here {why.replace(' it', f' {it}')}"
        if structural:
            text = f"Nothing is told about {listed(names)}, whatever the values: {why}. Fix or remove {it}."
        else:
            other = " At other values something is." if self.looked else ""
            text = f"Nothing is told about {listed(names)} at these values: {why}.{other}"
        return Untold(names, (), structural, False, text)

    def structural(
        self, members: tuple[int, ...], directions: Sequence[Vector], places: Sequence[_Place]
    ) -> Untold:
        """Parameters that are not told apart wherever it was looked."""
        values = [place.values[list(members)] for place in places]
        sizes = np.abs(directions[0]).max(axis=1)
        scale = 1.0 / np.where(sizes > 0.0, sizes, 1.0)
        form, rows = "local", directions[0]
        if _same([d * scale[:, None] for d in directions]):
            form = "sum"
        elif all((value != 0.0).all() for value in values):
            logs = [d / value[:, None] for d, value in zip(directions, values, strict=True)]
            if _same(logs):
                form, rows = "product", logs[0]
        if form == "local" and self.at.directions(members).shape == rows.shape:
            rows = self.at.directions(members)
        return self._group(members, rows, form, True)

    def accident(self, members: tuple[int, ...], directions: Vector) -> Untold:
        """Parameters that are not told apart at these values."""
        return self._group(members, directions, "local", False)

    def _group(self, members: tuple[int, ...], rows: Vector, form: str, structural: bool) -> Untold:
        names = self._names(members)
        estimable = tuple(self._estimable(members, row, form == "product") for row in independent_rows(rows))
        whatever = ", whatever their values" if structural else " at these values"
        told = self._told(names, estimable, form)
        fixed = len(names) - len(estimable)
        if structural:
            after = f" Fix or remove {'one' if fixed == 1 else fixed} of them, or change the design."
        else:
            after = " At other values they are told apart." if self.looked else ""
        text = f"{listed(names)} cannot be told apart{whatever}: {told}.{after}"
        return Untold(names, estimable, structural, False, text)

    def _told(self, names: Sequence[str], estimable: Sequence[Estimable], form: str) -> str:
        if not estimable:
            return "not even a combination of them is told"
        if len(estimable) > LISTED:
            return f"only {len(estimable)} combinations of these {len(names)} are told"
        joined = (" * " if form == "product" else " + ").join(names)
        shown = []
        for one in estimable:
            words = one.words
            if words == joined and form != "local":
                words = f"their {form}"
            elif form == "product" and len(names) == 2 and one.words == f"{names[0]} / {names[1]}":
                words = f"their ratio {one.words}"
            error = (
                ""
                if math.isnan(one.standard_error)
                else f", expected standard error {one.standard_error:.3g}"
            )
            shown.append(f"{words} ({one.value:.4g}{error})")
        return f"only {listed(shown)} {'is' if len(shown) == 1 else 'are'} told"

    def _estimable(self, members: tuple[int, ...], row: Vector, product: bool) -> Estimable:
        values = self.at.values[list(members)]
        words = in_words(row, self._names(members), product)
        if product:
            with np.errstate(divide="ignore", invalid="ignore"):
                value = float(np.prod(np.abs(values) ** row) * np.prod(np.sign(values) ** np.rint(row)))
                gradient = value * row / values
        else:
            value, gradient = float(row @ values), row
        whole = np.zeros(len(self.at.values))
        whole[list(members)] = gradient
        if self.at.covariance is None or not np.isfinite(whole).all():
            return Estimable(words, value, math.nan)
        variance = self.at.covariance.variance(whole)
        return Estimable(words, value, math.sqrt(variance) if variance > 0.0 else math.nan)

    def hardly(self, members: tuple[int, ...]) -> Untold:
        """Parameters that are told apart, but hardly."""
        names = self._names(members)
        assert self.at.covariance is not None
        covariance = self.at.covariance.matrix[np.ix_(members, members)]
        errors = np.sqrt(np.diag(covariance))
        shown = [
            f"{name} ({value:.4g}, expected standard error {error:.3g})"
            for name, value, error in zip(names, self.at.values[list(members)], errors, strict=True)
        ]
        if len(names) == 1:
            return Untold(names, (), False, True, f"{shown[0]} is hardly told.")
        correlation = covariance / np.outer(errors, errors)
        upper = np.triu(np.abs(correlation), 1)
        i, j = np.unravel_index(int(upper.argmax()), upper.shape)
        whose = "" if len(names) == 2 else f" of {names[i]} and {names[j]}"
        text = (
            f"{listed(shown)} are hardly told apart: the estimates{whose} have a correlation of "
            f"{correlation[i, j]:.4f}."
        )
        return Untold(names, (), False, True, text)


def _same(directions: Sequence[Vector]) -> bool:
    """Whether the columns of several matrices span the same space."""
    if len({own.shape for own in directions}) > 1:
        return False
    first = np.linalg.qr(directions[0])[0]
    for other in directions[1:]:
        own = np.linalg.qr(other)[0]
        if np.linalg.norm(own - first @ (first.T @ own)) > SAME:
            return False
    return True
