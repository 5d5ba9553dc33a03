"""Parameters that the likelihood does not depend on where it is highest, each with the reason for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from covstudio.reml.diagnosis.combinations import Confounded, listed
from covstudio.reml.diagnosis.constants import BESIDE, DIFFERENCE
from covstudio.reml.diagnosis.scaled_information import informed
from covstudio.reml.problem.likelihood import Engine, Point
from covstudio.reml.search.coordinates import Coordinate, Kind, derivatives_at
from covstudio.reml.search.outcome import Outcome

__all__ = ["Silence", "off_zero", "taken_up", "taken_up_at_zero"]


def taken_up(coordinates: Sequence[Coordinate]) -> tuple[Confounded, ...]:
    """The parameters of which fixed effects leave the data nothing to tell, term by term.

    Args:
        coordinates: the estimated parameters.
    """
    groups = []
    for term, names, columns in _by_term([c for c in coordinates if c.silent]):
        its, it = ("its", "it") if len(names) == 1 else ("their", "them")
        why = (
            f"The data say nothing about {listed(names)}: {_effects(columns)} up all of {its} part of "
            f"{term}, as with a factor of one level, or with one that is among the fixed effects itself. "
            f"Standard errors of fixed effects are with {it} at zero; fix or remove {it}."
        )
        groups.append(Confounded(tuple(names), (), why))
    return tuple(groups)


def taken_up_at_zero(coordinates: Sequence[Coordinate], boundary: Sequence[str]) -> list[str]:
    """Sentences for what is zero by ML because fixed effects take up all that it would explain.

    Args:
        coordinates: the estimated parameters.
        boundary: paths of those at an end of their range.
    """
    zero = [c for c in coordinates if c.absorbed is not None and c.name in boundary]
    return [
        f"By ML what explains nothing is zero: {_effects(columns)} up all of {term} that {listed(names)} "
        "would explain."
        for term, names, columns in _by_term(zero)
    ]


def _effects(columns: Sequence[str]) -> str:
    one = len(columns) == 1
    return f"the fixed effect{'' if one else 's'} {listed(columns)} take{'s' if one else ''}"


def _by_term(coordinates: Sequence[Coordinate]) -> Iterator[tuple[str, list[str], list[str]]]:
    """Each term of V with its parameters that are taken up, and the fixed effects that do so."""
    terms: dict[str, tuple[list[str], list[tuple[int, str]]]] = {}
    for c in coordinates:
        if c.absorbed is not None:
            names, columns = terms.setdefault(c.absorbed.term, ([], []))
            names.append(c.name)
            columns.extend(c.absorbed.columns)
    for term, (names, columns) in terms.items():
        yield term or "V", names, [name for _, name in sorted(set(columns))]


def off_zero(c: Coordinate, point: Point) -> float:
    """A value of a scale at which it makes up a little of V.

    Args:
        c: the scale.
        point: where V is.
    """
    share = BESIDE * point.mean_diagonal / c.unit if c.unit > 0.0 else BESIDE
    return float(share ** (1.0 / c.degree))


class Silence:
    """Reasons why a parameter is not heard of.

    Args:
        engine: evaluates the likelihood elsewhere.
        outcome: where the search ended.
        coordinates: the estimated parameters.
        terms: positions of the parameters of every term of V.
    """

    def __init__(
        self,
        engine: Engine,
        outcome: Outcome,
        coordinates: Sequence[Coordinate],
        terms: Sequence[Sequence[int]],
    ) -> None:
        self.engine, self.outcome, self.coordinates, self.terms = engine, outcome, coordinates, terms

    def of(self, c: Coordinate) -> Confounded:
        """A parameter that V, or what the fixed effects leave of it, does not depend on."""
        for where in ("zero", "at the end of the range"):
            silencing = self._silenced_by(c, where == "zero")
            if silencing:
                verb = "is" if len(silencing) == 1 else "are"
                names = listed([other.name for other in silencing])
                why = f"{c.name} means nothing while {names} {verb} {where}."
                return Confounded((c.name,), (), why, final=False)
        if c.kind is Kind.VARIANCE and c.unit == 0.0:
            why = (
                f"The data say nothing about {c.name}: no row depends on it, as with a level that has no "
                "rows. Fix or remove it."
            )
        else:
            why = f"The data say nothing about {c.name} here: fix or remove it."
        return Confounded((c.name,), (), why)

    def _silenced_by(self, c: Coordinate, zero: bool) -> list[Coordinate]:
        """The others of its term at ends of their ranges, where the data tell of it once they are not there.

        Args:
            c: the parameter of which the data say nothing.
            zero: whether scales at 0 are meant, or all that are at an end.
        """
        point = self.outcome.point
        own = next((set(term) for term in self.terms if c.position in term), set())
        ended = [
            (other, float(point.natural[other.position]))
            for other, end in zip(self.coordinates, self.outcome.at_end, strict=True)
            if other.position in own and end and (other.kind is not Kind.INTERVAL or not zero)
        ]
        natural = point.natural.copy()
        for other, value in ended:
            if other.kind is Kind.INTERVAL:
                natural[other.position] += DIFFERENCE * (other.high + other.low - 2.0 * value)
            else:
                natural[other.position] = off_zero(other, point)
        if c.absorbed is not None:
            # The information has nothing of it wherever it is.
            return [other for other, _ in ended]
        there = self.engine.at(natural) if ended else None
        heard = there is not None and bool(informed(derivatives_at(there, [c]).information)[0])
        return [other for other, _ in ended] if heard else []
