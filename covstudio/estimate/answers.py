"""Answers of a fit that take refits, for those who wait for them."""

from __future__ import annotations

from dataclasses import replace

from covstudio.data.tables import Table
from covstudio.document.model.document import Document
from covstudio.estimate.fitted import Estimate
from covstudio.estimate.inferred import bound
from covstudio.estimate.model import assemble
from covstudio.estimate.omitted import omissible_terms, omit
from covstudio.estimate.profiled import profile, profiled_parameters
from covstudio.reml.inference import Profile

__all__ = ["asked"]


def asked(
    document: Document,
    table: Table | None,
    found: Estimate,
    *,
    profiles: bool = False,
    omissions: bool = False,
) -> Estimate:
    """A fit with profile likelihoods of its parameters, or with tests of the terms of V.

    The app asks the same of its workers, one parameter or term after the other (`fitting_questions`).

    Args:
        document: the model.
        table: the data.
        found: its fit.
        profiles: of every parameter that was estimated.
        omissions: tests of the terms that V can do without.

    Raises:
        ModelError: the model does not suit the data.

    Example:
        >>> from covstudio.data.examples import load_example
        >>> from covstudio.document.files.templates import templates
        >>> from covstudio.estimate import estimate
        >>> table = load_example("john_alpha")
        >>> document = templates()[0].document(table)
        >>> whole = asked(document, table, estimate(document, table), omissions=True)
        >>> [(test.name, round(test.statistic, 2)) for test in whole.omissions]
        [('genotype', 23.62), ('block', 8.61)]
    """
    parts = assemble(document, table)
    if profiles:
        told = bound(parts, found.fit)
        known: dict[str, Profile] = {
            path: profile(parts, found.fit, path, told=told)
            for path in profiled_parameters(parts.matrix, found.fit)
        }
        found = replace(found, profiles=known)
    if omissions:
        tests = tuple(omit(parts, found.fit, name) for name in omissible_terms(parts.matrix))
        found = replace(found, omissions=tests)
    return found
