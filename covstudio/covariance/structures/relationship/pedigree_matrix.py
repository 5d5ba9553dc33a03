"""The covariance of breeding values in a pedigree, through its sparse inverse."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property

import torch
from torch import Tensor

from covstudio.covariance.core.catalogue import Argument, declare
from covstudio.covariance.core.leaf import ParamSpecs
from covstudio.covariance.structures.relationship.pedigree import UNKNOWN, Label, Pedigree
from covstudio.covariance.structures.relationship.relationship import henderson, pedigree_relationship
from covstudio.covariance.structures.relationship.sparse_inverse import SparseInverseMatrix

__all__ = ["PedigreeMatrix"]


@declare(
    title="Pedigree",
    category="Known",
    formula=r"\mathbf{V} = \sigma^2 \mathbf{A}",
    symbol="σ²A",
    summary="Additive effects of related individuals, through the sparse inverse of their relationships.",
    arguments=(
        Argument(
            "ped",
            "relation",
            "Pedigree",
            "A second table with the individual, its sire and its dam in its columns",
            choices=("pedigree",),
        ),
    ),
    aliases={
        "ASReml": ("ainverse", "vm"),
        "sommer, breedR": ("A.mat", "add_animal"),
        "Animal breeding": ("animal model", "A matrix", "NRM"),
    },
    reference="Henderson (1976), Biometrics 32, 69-83",
    parameters={"sigma^2": "Additive genetic variance: that of an individual whose parents are unrelated."},
    usage={"ASReml": "vm(animal, ainv)   # ainv = ainverse(pedigree)"},
    psd=True,
    linear=True,
    scale="sigma^2",
    example=lambda: PedigreeMatrix(
        [("bull", None, None), ("cow", None, None), ("calf", "bull", "cow"), ("son", "calf", "cow")]
    ),
)
class PedigreeMatrix(SparseInverseMatrix):
    r"""The covariance of additive genetic effects, :math:`V = \sigma^2 A`, of the individuals of a pedigree.

    The relationship matrix A is not written out unless it is asked for (`evaluate`, up to 20 000
    individuals): with :math:`A = TDT'`, where T passes on half of each parent and D holds the variances of
    Mendelian sampling, products go through the generations, and :math:`A^{-1} = T'^{-1}D^{-1}T^{-1}` has a
    few entries for each individual. So models of tens of thousands of animals can be fitted, by the engine of
    sparse mixed-model equations.

    Parameters: `sigma^2` (natural: a variance; raw: exp(2 theta), default 0).

    Args:
        ped: A `Pedigree`, or what it takes: rows (individual, sire, dam) in any order.
        unknown: Labels of an unknown parent, besides None and NaN; not used with a `Pedigree`.
        add_founders: Whether parents without a row of their own are added as founders behind the others, or
            refused; not used with a `Pedigree`.
        param_specs: Declaration to use in place of the default one.

    Attributes:
        pedigree: The `Pedigree`; its `individuals` label rows and columns.

    Raises:
        TypeError: `ped` is not a pedigree in any form.
        ValueError: the pedigree is impossible (see `Pedigree`).
        SingularMatrixError: A has no inverse, as when a fully inbred line is selfed again.

    Example:
        >>> import torch
        >>> from covstudio.covariance import DummyMatrix, PedigreeMatrix
        >>> g = PedigreeMatrix([("calf", "bull", "cow"), ("bull", None, None), ("cow", None, None)])
        >>> g(torch.tensor([0.0]))
        tensor([[1.0000, 0.5000, 0.5000],
                [0.5000, 1.0000, 0.0000],
                [0.5000, 0.0000, 1.0000]])
        >>> z = DummyMatrix(["cow", "calf"], levels=[g.pedigree.individuals], lex_order=False)

    Reference:
        Henderson (1976), Biometrics 32, 69-83; Quaas (1976), Biometrics 32, 949-953; Colleau (2002), Genetics
        Selection Evolution 34, 409-421 (products with A).
    """

    def __init__(
        self,
        ped: object,
        *,
        unknown: Collection[Label] = UNKNOWN,
        add_founders: bool = False,
        param_specs: ParamSpecs | None = None,
    ) -> None:
        if not isinstance(ped, Pedigree):
            ped = Pedigree(ped, unknown=unknown, add_founders=add_founders)
        self.pedigree = ped
        inverse = henderson(ped)
        self._sampling, self._inbreeding = inverse.sampling, inverse.inbreeding
        logdet = float(inverse.sampling.log().sum())
        super().__init__(len(ped), inverse.rows, inverse.columns, inverse.entries, logdet, param_specs)

    @cached_property
    def _known(self) -> Tensor:
        """A written out."""
        return pedigree_relationship(self.pedigree)

    @cached_property
    def _variances(self) -> Tensor:
        """The diagonal of A."""
        return 1.0 + self._inbreeding

    @cached_property
    def _generations(self) -> list[tuple[Tensor, Tensor]]:
        """For every generation but the first: its members, and their parents, (m, 2).

        An unknown parent is the number of individuals.
        """
        sires, dams, count = self.pedigree.sires, self.pedigree.dams, len(self.pedigree)
        depth = [0] * count
        for k in self.pedigree.order:
            depth[k] = 1 + max((depth[parent] for parent in (sires[k], dams[k]) if parent >= 0), default=-1)
        both = torch.tensor([sires, dams]).T
        both = torch.where(both < 0, count, both)
        of = torch.tensor(depth)
        order = torch.argsort(of, stable=True)
        groups = torch.split(order, torch.bincount(of).tolist())
        return [(members, both[members]) for members in groups[1:]]

    def _times(self, b: Tensor) -> Tensor:
        """A b, generation by generation."""
        # The last row stands for unknown parents.
        x = torch.cat([b, b.new_zeros((1, b.shape[1]))])
        for members, parents in reversed(self._generations):
            half = 0.5 * x[members]
            for side in (0, 1):
                x.index_add_(0, parents[:, side].to(x.device), half)
        x[-1] = 0.0
        x[:-1] *= self._sampling.to(x)[:, None]
        for members, parents in self._generations:
            x[members] += 0.5 * (x[parents[:, 0]] + x[parents[:, 1]])
        return x[:-1]
