"""The contract on the example of every declared structure, on some composites, and on the declarations."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest
import torch

import covstudio.covariance as cov
from covstudio.covariance import Declaration, Matrix, Operator, Parameter, catalogue, declare
from covstudio.covariance.core.catalogue import CATEGORIES, withdraw
from covstudio.covariance.linalg.operands import Constant
from tests.covariance.contract import Case, failed, keep

BUILT_IN = [entry for entry in catalogue() if entry.cls.__module__.startswith("covstudio.")]


def trial() -> Matrix:
    """A field trial: genotypes, blocks within replicates, a residual."""
    gen, rep, block = ["a", "b", "c", "a", "c", "b"], [1, 1, 1, 2, 2, 2], [1, 1, 2, 1, 2, 2]
    return cov.Sum(
        gen=cov.CovariancePropagation(z=cov.DummyMatrix(gen), g=cov.ScalarMatrix(3)),
        block=cov.CovariancePropagation(
            z=cov.DummyMatrix(rep, block, drop_empty_cols=True), g=cov.ScalarMatrix(4)
        ),
        residual=cov.ScalarMatrix(6),
    )


def spatial() -> Matrix:
    """Separable autoregression by rows and columns, with the variance of one of them fixed, and units."""
    row = cov.AR1Matrix(2)
    row.set_param_specs("sigma^2", fixed=True)
    return cov.Sum(field=cov.KroneckerProduct(row=row, column=cov.AR1Matrix(3)), units=cov.ScalarMatrix(6))


def shared() -> Matrix:
    """The same object in two places has parameters of its own in each."""
    block = cov.AR1Matrix(2)
    return cov.BlockDiagonal(first=block, second=block, third=torch.eye(1))


def deep() -> Matrix:
    """Operators of operators, with a fixed tensor among them."""
    loadings = cov.LowerTriangularMatrix(3, 2)
    genetic = cov.Sum(common=cov.Gram(loadings, gram_type="xxt"), specific=cov.DiagonalMatrix(3))
    design = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]])
    return cov.Inverse(cov.Sum(g=cov.CovariancePropagation(z=design, g=genetic), e=cov.ScalarMatrix(4)))


def test_an_object_in_two_places_is_fixed_in_one_of_them() -> None:
    matrix = shared()
    matrix.set_param_specs("second/rho", fixed=True, value=0.5)
    assert matrix.fixed_param_names == ["second/rho"]
    value = matrix(torch.tensor([0.0, 0.0, 0.5]))
    assert torch.allclose(value[:2, :2], torch.eye(2))
    assert torch.allclose(value[2:4, 2:4], torch.tensor([[1.0, 0.5], [0.5, 1.0]]) * torch.e)


def breeding() -> Matrix:
    """A pedigree with inbreeding, a selfing and unknown parents, out of order."""
    return cov.PedigreeMatrix(
        [
            ("calf", "son", "cow"),
            ("bull", None, None),
            ("cow", None, None),
            ("son", "bull", "cow"),
            ("self", "calf", "calf"),
            ("half", "self", None),
        ]
    )


def traits() -> Matrix:
    """Two traits of related individuals."""
    return cov.KroneckerProduct(traits=cov.UnstructuredMatrix(2), animals=breeding())


class Older(Matrix):
    """Written in the older style: __call__ from raw parameters, differentiated automatically."""

    def __init__(self) -> None:
        super().__init__((2, 2), ["sigma^2", "rho"], [cov.TransformExpPow2(), cov.TransformIdentity()])

    def __call__(self, free_params: object = None) -> torch.Tensor:
        sigma2, rho = self.build_params(free_params)  # type: ignore[call-overload]
        one = torch.ones_like(rho)
        return sigma2 * torch.stack([torch.stack([one, rho]), torch.stack([rho, one])])


class OlderWithGradient(Older):
    """The same with its analytic Jacobian."""

    def manual_grad(self, free_params: object = None) -> tuple[torch.Tensor | None, list[str]]:
        wanted = [k for k, name in enumerate(self.free_param_names) if k not in self.no_grad_index and name]
        if not wanted:
            return None, []
        sigma2, rho = self.build_params(free_params)  # type: ignore[call-overload]
        one, zero = torch.ones_like(rho), torch.zeros_like(rho)
        unit = torch.stack([torch.stack([one, rho]), torch.stack([rho, one])])
        cross = torch.stack([torch.stack([zero, one]), torch.stack([one, zero])])
        slices = {"sigma^2": 2 * sigma2 * unit, "rho": sigma2 * cross}
        names = [self.free_param_names[k] for k in wanted]
        return torch.stack([slices[name] for name in names]), names


COMPOSITES = [
    Case(make.__name__, make, repeats=make is shared)
    for make in (trial, spatial, shared, deep, breeding, traits, Older, OlderWithGradient)
]
CASES = [Case(entry.name, entry.example, entry.palette) for entry in catalogue()] + COMPOSITES


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_contract(case: Case) -> None:
    keep(case)


def written() -> set[type[Matrix]]:
    """The matrices with a value of their own that the files of the library define."""
    found = set()
    for module in pkgutil.walk_packages(cov.__path__, "covstudio.covariance."):
        for cls in vars(importlib.import_module(module.name)).values():
            if isinstance(cls, type) and issubclass(cls, Matrix) and cls.__module__ == module.name:
                found.add(cls)
    above = {base for cls in found for base in cls.__mro__[1:]}
    return {cls for cls in found if not cls.__name__.startswith("_") and cls not in above}


def test_what_is_written_is_declared_and_exported() -> None:
    declared = {entry.cls for entry in BUILT_IN}
    # A tensor among operands: no user meets it.
    assert written() - {Constant} <= declared
    places = [CATEGORIES.index(entry.category) for entry in BUILT_IN]
    assert places == sorted(places)
    for entry in BUILT_IN:
        assert getattr(cov, entry.name) is entry.cls
        assert entry.name in cov.__all__


@pytest.mark.parametrize("entry", BUILT_IN, ids=lambda entry: entry.name)
def test_declarations_say_everything(entry: Declaration) -> None:
    assert entry.kind == ("operator" if issubclass(entry.cls, Operator) else "matrix")
    assert entry.category in CATEGORIES
    assert entry.title[0].isupper()
    assert entry.summary.endswith(".")
    assert "$" not in entry.formula
    assert entry.formula.count("{") == entry.formula.count("}")
    assert entry.formula.count(r"\left") == entry.formula.count(r"\right")
    assert len(entry.symbol) <= 20
    assert entry.reference
    assert entry.aliases
    for system, names in entry.aliases.items():
        assert system
        assert names
        assert all(isinstance(name, str) and name for name in names)
    matrix = entry.example()
    assert type(matrix) is entry.cls
    assert max(matrix.shape) <= 12
    if matrix.psd:
        assert entry.psd


@pytest.mark.parametrize("entry", BUILT_IN, ids=lambda entry: entry.name)
def test_declared_arguments_are_those_of_the_constructor(entry: Declaration) -> None:
    signature = inspect.signature(entry.cls.__init__)
    accepted = [name for name in signature.parameters if name != "self"]
    declared = [argument.name for argument in entry.arguments]
    assert declared == [name for name in accepted if name in declared]
    for argument in entry.arguments:
        parameter = signature.parameters[argument.name]
        assert argument.label
        assert argument.help
        if argument.kind == "factors":
            assert parameter.kind is parameter.VAR_POSITIONAL
        elif parameter.default is not parameter.empty:
            assert argument.default == parameter.default
    required = [
        name
        for name, parameter in signature.parameters.items()
        if name != "self"
        and parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    ]
    if entry.palette:
        assert set(required) <= set(declared)
    if entry.kind == "matrix" and "factors" not in declared and entry.palette:
        assert "param_specs" in accepted


@pytest.mark.parametrize("entry", BUILT_IN, ids=lambda entry: entry.name)
def test_documentation_has_all_its_parts(entry: Declaration) -> None:
    text = inspect.getdoc(entry.cls) or ""
    for part in ("Args:", "Raises:", "Example:", ">>> ", "Reference:"):
        assert part in text, part
    for name, member in vars(entry.cls).items():
        if not name.startswith("_") and inspect.isfunction(member) and entry.kind == "matrix":
            assert inspect.getdoc(member), name


def test_a_new_structure_gets_the_whole_contract() -> None:
    @declare(
        title="Broken",
        category="My models",
        formula="V",
        symbol="V",
        summary="A wrong derivative.",
        psd=True,
        example=lambda: Broken(),
    )
    class Broken(Matrix):
        def __init__(self) -> None:
            super().__init__((2, 2), {"s": Parameter("s", cov.TransformExp())})

        def evaluate(self, natural: torch.Tensor) -> torch.Tensor:
            return natural[0] ** 2 * torch.eye(2, dtype=natural.dtype)

        def differentiate(self, natural: torch.Tensor, index: object) -> torch.Tensor:
            return natural[0] * torch.eye(2, dtype=natural.dtype)[None]  # should be 2 natural[0]

    try:
        entry = catalogue()[-1]
        assert entry.name == "Broken"
        broken = failed(Case(entry.name, entry.example, picklable=False))
        assert broken >= {
            "jacobian_agrees_with_automatic_differentiation",
            "jacobian_agrees_with_differences",
        }
        assert "promised_covariances_are_symmetric_and_positive_semi_definite" not in broken
    finally:
        withdraw(Broken)
