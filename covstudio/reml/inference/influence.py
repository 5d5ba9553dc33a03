r"""Influence of rows and of levels on the fixed effects, V taken as known.

Leaving out the rows I moves the estimates by

.. math:: \hat\beta - \hat\beta_{(I)} = \Phi X'V^{-1}E_I\,(P_{II})^{-1}(Py)_I,

and Cook's distance is that move in the metric of the estimates, over p. P_II is the part of P for these rows,
so that nothing is fitted again.

Sources: Cook (1977), Technometrics 19:15; Christensen, Pearson & Johnson (1992), Technometrics 34:38.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from covstudio.reml.inference.arguments import checked_rows
from covstudio.reml.inference.binding import Binding
from covstudio.reml.inference.pairs import BLOCK
from covstudio.reml.inference.tables import Row, Tabular, plural
from covstudio.reml.problem.errors import InvalidData

__all__ = ["Influence", "influence_of"]

#: What of P is left of V^-1 for rows that alone tell a fixed effect.
ALONE = 1e-9


@dataclass(frozen=True, repr=False, eq=False)
class Influence(Tabular):
    """What leaving out each of some groups of rows does to the fixed effects.

    Attributes:
        groups: names of the groups; rows by their numbers from 0.
        names: of the fixed effects.
        changes: the estimates less those without the group, (groups, p); NaN where a fixed effect is told by
            the group alone.
        cooks: Cook's distances, (groups,).
        sizes: rows of each group.
    """

    groups: tuple[str, ...]
    names: tuple[str, ...]
    changes: Tensor
    cooks: Tensor
    sizes: tuple[int, ...]

    def table(self) -> list[Row]:
        return [
            {"group": group, "rows": size, "cooks": cook, **dict(zip(self.names, change, strict=True))}
            for group, size, cook, change in zip(
                self.groups, self.sizes, self.cooks.tolist(), self.changes.tolist(), strict=True
            )
        ]

    def _title(self) -> str:
        return f"Influence of {plural(len(self.groups), 'group')} of rows on the fixed effects, V as it is"


def influence_of(
    binding: Binding, names: Sequence[str], groups: Mapping[str, Sequence[int]] | None
) -> Influence:
    """Influence of groups of rows.

    Args:
        binding: the fit and its model.
        names: of the fixed effects.
        groups: name -> its rows; None for every row by itself.

    Raises:
        InvalidData: a group has no row, or a row is not there.
    """
    n, p = binding.problem.n, binding.problem.p
    if groups is not None and not groups:
        raise InvalidData("groups has no group: name some, such as {'first': [0, 1]}, or leave it out.")
    given = {str(i): [i] for i in range(n)} if groups is None else groups
    members = {name: checked_rows(rows, n, f"group {name!r}") for name, rows in given.items()}
    py = binding.py.cpu()
    # Phi X'V^-1, column by column of the rows.
    weights = binding.weights.cpu()
    metric = torch.linalg.cholesky(torch.linalg.inv(binding.phi.cpu()))
    changes = torch.empty((len(members), p), dtype=torch.float64)
    listed = list(members.values())
    start = 0
    while start < len(listed):
        stop, size = start, 0
        while stop < len(listed) and (stop == start or (size + len(listed[stop])) * n <= BLOCK):
            size += len(listed[stop])
            stop += 1
        taken = torch.tensor([i for group in listed[start:stop] for i in group])
        unit = torch.zeros((n, len(taken)), dtype=torch.float64)
        unit[taken, torch.arange(len(taken))] = 1.0
        columns = binding.project(unit)
        place = 0
        for k in range(start, stop):
            own = torch.tensor(listed[k])
            square = columns[own][:, place : place + len(own)]
            place += len(own)
            eigenvalues, vectors = torch.linalg.eigh(0.5 * (square + square.mT))
            # The trace of V^-1 over these rows, of which P is what the fixed effects leave.
            whole = float(square.diagonal().sum() + (weights[own] @ metric).square().sum())
            if float(eigenvalues[0]) <= ALONE * whole:
                changes[k] = torch.nan
                continue
            moved = vectors @ ((vectors.mT @ py[own]) / eigenvalues)
            changes[k] = weights[own].mT @ moved
        start = stop
    cooks = ((changes @ metric) ** 2).sum(dim=1) / max(p, 1)
    sizes = tuple(len(group) for group in listed)
    return Influence(tuple(members), tuple(names), changes, cooks, sizes)
