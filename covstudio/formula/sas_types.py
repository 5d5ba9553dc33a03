"""The `type=` of PROC MIXED as structures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from covstudio.document.model.node import ArgumentValue, Columns, Levels
from covstudio.formula.effects import identity, incidence, kron, label, propagated
from covstudio.formula.sas_text import Statement, Word
from covstudio.formula.tree import Tree, tree

__all__ = ["Type", "spatial", "type_of"]


@dataclass(frozen=True)
class Type:
    """A structure that `type=` names.

    Attributes:
        kind: the structure; "" for variance components.
        given: what it is given beside its size.
        outer: for a Kronecker product, the structure over the first effect.
        coordinates: the columns of a spatial structure.
    """

    kind: str
    given: Mapping[str, ArgumentValue]
    outer: str = ""
    coordinates: tuple[Word, ...] = ()

    def covariance(self, name: str, size: ArgumentValue) -> Tree:
        """The structure of a size."""
        if not self.kind:
            return tree("ScalarMatrix", name)
        return tree(self.kind, name, given={"n": size, **self.given})

    def product(self, subject: tuple[str, ...], columns: tuple[str, ...]) -> Tree:
        """Blocks of subjects with a Kronecker product over two effects."""
        first, second = columns
        outer = tree(self.outer, f"residual over {first}", n=Levels((first,)))
        inner = tree(self.kind, f"residual over {second}", n=Levels((second,)))
        z = incidence((*subject, first, second), "residual design", every=True, neighbours=True)
        eyes = [identity((one,), f"residual {one}") for one in subject]
        return propagated("residual", z, kron("residual G", *eyes, outer, inner))


_SIMPLE: Mapping[str, str] = {
    "vc": "",
    "simple": "",
    "cs": "CompoundSymmetricMatrix",
    "csh": "HeterogeneousCompoundSymmetricMatrix",
    "un": "UnstructuredMatrix",
    "chol": "UnstructuredMatrix",
    "unr": "HeterogeneousCorrelationMatrix",
    "hf": "HuynhFeldtMatrix",
    "toep": "ToeplitzMatrix",
    "toeph": "HeterogeneousToeplitzMatrix",
}
#: Words with numbers in brackets.
_NUMBERED: Mapping[str, str] = {
    "ar(1)": "AR1Matrix",
    "arh(1)": "HeterogeneousAR1Matrix",
    "arma(1,1)": "ARMAMatrix",
    "ante(1)": "AntedependenceMatrix",
    "un(1)": "DiagonalMatrix",
    "cs(1)": "CompoundSymmetricMatrix",
}
_RANKED: Mapping[str, tuple[str, Mapping[str, ArgumentValue]]] = {
    "fa": ("FactorAnalyticMatrix", {}),
    "fa0": ("ReducedRankMatrix", {}),
    "fa1": ("FactorAnalyticMatrix", {"equal_psi": True}),
}
_SPATIAL = {
    "exp": "ExponentialMatrix",
    "gau": "GaussianMatrix",
    "sph": "SphericalMatrix",
    "pow": "PowerMatrix",
    "lin": "LinearDistanceMatrix",
    "matern": "MaternMatrix",
}
_WITHIN = {"ar(1)": "AR1CorrelationMatrix", "cs": "EquicorrelationMatrix", "un": "CorrelationMatrix"}


def type_of(statement: Statement) -> Type:
    """What `type=` says; variance components where nothing is said.

    Raises:
        Refusal: there is no such structure here.
    """
    words = statement.options.get("type", ())
    if not words:
        return Type("", {})
    said = "".join(word.low for word in words)
    if said in _SIMPLE:
        return Type(_SIMPLE[said], {})
    if said in _NUMBERED:
        return Type(_NUMBERED[said], {})
    if said.startswith("sp(") and len(words) > 3:
        kind = words[2].low
        if kind not in _SPATIAL:
            raise words[2].refuse(
                "there is no such spatial structure here", f"There are {', '.join(_SPATIAL)}."
            )
        columns = tuple(word for word in words[4:] if word.kind == "name")
        more: dict[str, ArgumentValue] = {"nu": "estimated"} if kind == "matern" else {}
        return Type(_SPATIAL[kind], more, coordinates=columns)
    if "@" in said:
        outer, _, inner = said.partition("@")
        if outer == "un" and inner in _WITHIN:
            return Type(_WITHIN[inner], {}, outer="UnstructuredMatrix")
    bare, _, number = said.partition("(")
    rank = number.rstrip(")")
    if bare in _RANKED and rank.isdecimal():
        kind, given = _RANKED[bare]
        return Type(kind, {"k": int(rank), **given})
    if bare in ("toep", "toeph") and rank.isdecimal():
        # SAS counts the main diagonal as a band.
        return Type(_SIMPLE[bare], {"bands": max(int(rank) - 1, 0)})
    names = ", ".join([*(key for key in _SIMPLE), *_NUMBERED, "fa0(k)", "sp(exp)(x y)", "un@ar(1)"])
    raise words[0].refuse("there is no such type here", f"There are {names}.")


def spatial(name: str, structure: Type, columns: tuple[str, ...], subject: tuple[str, ...]) -> Tree:
    """A process over coordinates, within subjects."""
    given = {"coordinates": Columns(columns), **structure.given}
    if not subject:
        return tree(structure.kind, name, given=given)
    same = propagated(
        f"{name} within {label(subject)}",
        incidence(subject, f"{name} subjects"),
        identity(subject, f"{name} levels"),
    )
    return tree("HadamardProduct", name, same, tree(structure.kind, f"{name} process", given=given))
