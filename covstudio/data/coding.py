"""The columns that a formula stands for: treatment coding that never says the same thing twice.

A term is coded so that its columns add to those before it what they do not span yet. Where the main effects
of an interaction are in the formula this is R's treatment coding, the first level being the reference.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from covstudio.data.formula import Formula
from covstudio.data.terms import Term

#: A part of a term: its factors, each with whether it has a column for every level or for all but the first.
Coding = dict[str, bool]


@dataclass(frozen=True)
class CodedTerm:
    """One block of columns: the product of some factors and covariates.

    Attributes:
        term: the term that the block belongs to: the intercept is ().
        columns: the factors and covariates of the block, in the order of the term.
        full: those factors that have a column for every level, the first included.
    """

    term: Term
    columns: Term
    full: frozenset[str]


def code_terms(formula: Formula, factors: Collection[str]) -> tuple[CodedTerm, ...]:
    """The blocks of columns of a design matrix.

    Args:
        formula: the terms.
        factors: which parts of its terms are factors; the others are covariates.

    Returns:
        The blocks, the intercept (no columns) first, then term by term: a term whose margins are not in the
        formula has several, and all of them are its own. Their columns are linearly independent whenever
        every combination of levels occurs and covariates vary freely.

    Example:
        >>> from covstudio.data.formula import parse_formula
        >>> for block in code_terms(parse_formula("0 + rep + rep:x"), {"rep"}):
        ...     print(block.columns, sorted(block.full))
        ('rep',) ['rep']
        ('rep', 'x') ['rep']
        >>> for block in code_terms(parse_formula("1 + a:b"), {"a", "b"}):
        ...     print(block.term, block.columns, sorted(block.full))
        () () []
        ('a', 'b') ('b',) []
        ('a', 'b') ('a', 'b') ['b']

    Reference:
        Chambers and Hastie (1992), Statistical Models in S, section 2.4.1; terms without their margins are
        treated as in patsy and formulaic.
    """
    blocks: list[CodedTerm] = []
    terms: list[Term] = [(), *formula.terms] if formula.intercept else list(formula.terms)
    spanned: dict[frozenset[str], set[frozenset[str]]] = {}
    for term in terms:
        covariates = frozenset(name for name in term if name not in factors)
        categorical = [name for name in term if name in factors]
        known = spanned.setdefault(covariates, set())
        new = [subset for subset in _subsets(categorical) if subset not in known]
        known.update(new)
        for coding in _merged(new):
            columns = tuple(name for name in term if name in covariates or name in coding)
            blocks.append(CodedTerm(term, columns, frozenset(name for name, full in coding.items() if full)))
    return tuple(blocks)


def _subsets(names: Sequence[str]) -> Iterable[frozenset[str]]:
    """All subsets, small ones first."""
    return (frozenset(part) for size in range(len(names) + 1) for part in combinations(names, size))


def _merged(parts: Iterable[frozenset[str]]) -> list[Coding]:
    """The contrasts to add, in as few blocks as can be.

    The contrasts of b and those of a:b together are the contrasts of b within every level of a: a part takes
    up a smaller one that lacks a single factor of it, and that factor is coded in full then.
    """
    codings: list[Coding] = [dict.fromkeys(part, False) for part in parts]
    while True:
        pair = next(
            (
                (small, large)
                for small, one in enumerate(codings)
                for large, other in enumerate(codings[small + 1 :], start=small + 1)
                if len(other) == len(one) + 1 and _takes_up(other, one)
            ),
            None,
        )
        if pair is None:
            return codings
        small, large = pair
        (added,) = codings[large].keys() - codings[small].keys()
        codings[large] = {**codings[small], added: True}
        del codings[small]


def _takes_up(large: Coding, small: Coding) -> bool:
    return all(name in large and large[name] == full for name, full in small.items())
