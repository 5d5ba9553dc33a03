"""Every entry is the sum of its terms, its derivatives those of their products, all the way down."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from covstudio.covariance import ExplainedEntry, why
from tests.covariance.contract.case import Case, contract


def nodes(entry: ExplainedEntry) -> Iterator[ExplainedEntry]:
    """An entry and all that it is made of."""
    yield entry
    for term in entry.terms:
        for factor in term.factors:
            yield from nodes(factor)


def recombined(entry: ExplainedEntry) -> tuple[float, dict[str, float]]:
    """Value and derivatives from the leaves up."""
    if not entry.terms:
        return entry.value, dict(entry.derivatives)
    value, slopes = 0.0, dict[str, float]()
    for term in entry.terms:
        parts = [recombined(factor) for factor in term.factors]
        value += term.weight * math.prod(part[0] for part in parts)
        for k, (_, own) in enumerate(parts):
            others = term.weight * math.prod(part[0] for m, part in enumerate(parts) if m != k)
            for path, slope in own.items():
                slopes[path] = slopes.get(path, 0.0) + others * slope
    return value, slopes


@contract
def entries_are_the_sums_of_their_terms(case: Case) -> None:
    matrix = case.make()
    theta = case.thetas(2)[1]
    natural = torch.tensor([parameter.value for parameter in matrix.parameters], dtype=torch.float64)
    natural[matrix.free_param_index] = matrix.trans_params(theta)
    with torch.no_grad():
        whole = matrix.evaluate(natural)
        slices = matrix.natural_jacobian(natural, list(range(matrix.num_params)))
    size = float(whole.abs().max()) + 1.0
    steep = float(slices.abs().max()) + 1.0 if len(slices) else 1.0
    rows, columns = matrix.shape
    for i, j in {(0, 0), (rows - 1, 0), (rows // 2, columns - 1)}:
        found = why(matrix, i, j, theta)
        value, slopes = recombined(found)
        assert abs(value - float(whole[i, j])) < 1e-10 * size
        assert abs(value - found.value) < 1e-12 * size
        assert (
            abs(found.value - math.fsum(term.value for term in found.terms)) < 1e-12 * size or not found.terms
        )
        for k, path in enumerate(matrix.param_names):
            assert abs(slopes.get(path, 0.0) - float(slices[k, i, j])) < 1e-9 * steep
            assert abs(found.derivatives.get(path, 0.0) - slopes.get(path, 0.0)) < 1e-12 * steep
        assert len(found.rows()) == sum(1 for _ in nodes(found))
        assert repr(found).startswith(f"V[{i}, {j}]")
