"""Second tables in documents: designs over their individuals, files, programs, and what is said."""

import csv

import pytest
import torch

from covstudio.covariance import CovariancePropagation, DummyMatrix, PedigreeMatrix, ScalarMatrix, Sum
from covstudio.data import Relation, Table
from covstudio.document.build.build import build
from covstudio.document.build.connection import check_connection
from covstudio.document.build.of_matrix import document_of
from covstudio.document.build.same import same_model, same_structure
from covstudio.document.changes.all import (
    ChangeError,
    Disconnect,
    SetArgument,
    SetData,
    SetFixed,
    SetFixedEffects,
    SetParameters,
    SetRelation,
)
from covstudio.document.files.write import DocumentError, dumps, loads
from covstudio.document.model.document import Document
from covstudio.document.model.node import Columns, Related
from covstudio.estimate import estimate
from covstudio.export.python import python_source
from tests.document.document_models import add, after
from tests.programs import run_program

#: Mrode (2014), Linear Models for the Prediction of Animal Breeding Values, examples 2.1 and 3.1: weaning
#: gains of five calves, with variances 20 and 40.
PEDIGREE = [
    ("1", "", ""),
    ("2", "", ""),
    ("3", "", ""),
    ("4", "1", ""),
    ("5", "3", "2"),
    ("6", "1", "2"),
    ("7", "4", "5"),
    ("8", "3", "6"),
]
CALVES = {
    "animal": ["4", "5", "6", "7", "8"],
    "sex": ["male", "female", "female", "male", "male"],
    "gain": [4.5, 2.9, 3.9, 3.5, 5.0],
}
BREEDING_VALUES = [0.098, -0.019, -0.041, -0.009, -0.186, 0.177, -0.249, 0.183]


def table() -> Table:
    return Table.from_columns(CALVES, "calves.csv")


def animal_model(
    g: str = "PedigreeMatrix", argument: str = "ped", relation: Relation | None = None
) -> Document:
    """V = Z sigma_a^2 A Z' + sigma^2 I: n1 is V, n2 the product, n3 Z, n4 G, n5 the residual."""
    return after(
        SetData("calves.csv", dict.fromkeys(("animal", "sex"), "factor"), "gain"),
        SetFixedEffects("0 + sex"),
        SetRelation("A", relation or Relation.of_pedigree(PEDIGREE, "mrode")),
        add("Sum", "V", name="Sum"),
        add("CovariancePropagation", "n1", name="animal"),
        add("DummyMatrix", "n2", "z", name="animals", factors=Columns(("animal",))),
        add(g, "n2", "g", name="related", **{argument: Related("A")}),
        add("ScalarMatrix", "n1", name="residual"),
        SetParameters({("n4", "sigma^2"): 20.0, ("n5", "sigma^2"): 40.0}),
        SetFixed("n4", "sigma^2", True),
        SetFixed("n5", "sigma^2", True),
    )


def as_matrix() -> Relation:
    built = build(animal_model(), table())
    a = built.matrices["n4"].evaluate(torch.ones(1, dtype=torch.float64))
    order = [7, 2, 5, 0, 4, 1, 6, 3]
    return Relation.of_matrix([str(k + 1) for k in order], a[order][:, order], name="A.csv")


def as_inverse() -> Relation:
    k = as_matrix()
    return Relation.of_matrix(k.ids, torch.linalg.inv(torch.tensor(k.matrix())), "inverse", "ainv.csv")


@pytest.mark.parametrize(
    ("g", "argument", "relation"),
    [
        ("PedigreeMatrix", "ped", None),
        ("KnownMatrix", "K", None),
        ("KnownMatrix", "K", as_matrix),
        ("KnownMatrix", "K", as_inverse),
        ("KnownInverseMatrix", "Q", as_inverse),
    ],
)
def test_an_animal_model_has_the_published_breeding_values(g, argument, relation) -> None:
    document = animal_model(g, argument, None if relation is None else relation())
    again, _ = loads(dumps(document))
    assert again == document
    found = estimate(again, table())
    predicted = found.fit.blups["animal"]
    by_name = dict(zip(predicted.levels, predicted.blup.tolist(), strict=True))
    assert [by_name[str(k)] for k in range(1, 9)] == pytest.approx(BREEDING_VALUES, abs=6e-4)
    assert found.fit.beta.tolist() == pytest.approx([3.404, 4.358], abs=6e-4)
    assert "A: 3 of 8 individuals have no row of animal; their effects are predicted too." in found.notes


def test_a_program_has_the_second_table_in_it(tmp_path) -> None:
    with open(tmp_path / "calves.csv", "w", newline="") as file:
        csv.writer(file).writerows([list(CALVES), *zip(*CALVES.values(), strict=True)])
    source = python_source(animal_model(), table())
    done = run_program(source, tmp_path, ["calves.csv"])
    assert done.code == 0, done.stderr
    found = estimate(animal_model(), table())
    assert f"{found.fit.loglik!r}" in done.stdout
    (tmp_path / "others.csv").write_text("animal,sex,gain\n4,male,1\n9,female,2\n5,male,3\n6,female,3\n")
    refused = run_program(source, tmp_path, ["others.csv"])
    assert (refused.code, refused.stdout) == (1, "")


def test_labels_that_are_nobody_are_one_problem() -> None:
    others = Table.from_columns({**CALVES, "animal": ["4", "5", "6", "7 b", "x"]}, "calves.csv")
    kin = Relation.of_pedigree([*PEDIGREE, ("7 B", "", "")], "mrode")
    problems = build(animal_model(relation=kin), others).problems
    assert [(one.node_id, one.field) for one in problems] == [("n3", "factors")]
    assert "'7 b' and 'x'. Did you mean '7 B' for '7 b'" in problems[0].message


def test_a_table_that_is_not_there_is_said() -> None:
    built = build(SetArgument("n4", "ped", Related("B")).apply(animal_model()), table())
    assert any(
        "There is no second table 'B'. The second table is 'A'." in one.message for one in built.problems
    )
    gone = SetRelation("A", None).apply(animal_model())
    assert any("There is no second table 'A'" in one.message for one in build(gone, table()).problems)
    with pytest.raises(ChangeError, match="no second table 'A'"):
        SetRelation("A", None).apply(gone)
    wrong = build(animal_model(relation=as_matrix()), table())
    assert any("Pedigree is a table of another kind" in one.message for one in wrong.problems)
    circle = Relation.of_pedigree([("4", "5", ""), ("5", "4", "")])
    assert any(
        "own ancestors" in one.message for one in build(animal_model(relation=circle), table()).problems
    )


def test_a_factor_of_a_crossed_design_has_the_individuals() -> None:
    """Kronecker products on either side, and products row by row."""
    crossed = after(
        SetRelation("A", Relation.of_pedigree(PEDIGREE)),
        add("CovariancePropagation", "V", name="both"),
        add(
            "DummyMatrix", "n1", "z", name="design", factors=Columns(("sex", "animal")), drop_empty_cols=False
        ),
        add("KroneckerProduct", "n1", "g", name="G"),
        add("UnstructuredMatrix", "n3", "a", name="sexes"),
        add("PedigreeMatrix", "n3", "b", name="animals", ped=Related("A")),
    )
    built = build(crossed, table())
    assert not [one for one in built.problems if one.severity == "error"]
    assert built.matrices["n2"].shape == (5, 16)
    assert built.matrices["n4"].shape == (2, 2)
    sloped = after(
        SetRelation("A", Relation.of_pedigree(PEDIGREE)),
        add("CovariancePropagation", "V", name="slopes"),
        add("KhatriRaoProduct", "n1", "z", name="design"),
        add("DummyMatrix", "n2", "a", name="animals", factors=Columns(("animal",))),
        add("DesignMatrix", "n2", "b", name="coefficients", columns=Columns(("gain",)), intercept=True),
        add("KroneckerProduct", "n1", "g", name="G"),
        add("PedigreeMatrix", "n5", "a", name="related", ped=Related("A")),
        add("UnstructuredMatrix", "n5", "b", name="within"),
    )
    built = build(sloped, table())
    assert not [one for one in built.problems if one.severity == "error"]
    assert built.matrices["n2"].shape == (5, 16)
    assert built.v is not None
    assert built.matrices["n7"].shape == (2, 2)


def test_a_pedigree_in_python_becomes_a_second_table() -> None:
    g = PedigreeMatrix([(own, sire or None, dam or None) for own, sire, dam in PEDIGREE])
    z = DummyMatrix(CALVES["animal"], levels=[g.pedigree.individuals], lex_order=False)
    v = Sum(animal=CovariancePropagation(z=z, g=g), residual=ScalarMatrix(5))
    document = document_of(v, table=table())
    assert [one.kind for one in document.relations.values()] == ["pedigree"]
    assert torch.allclose(build(document, table()).v(), v().double())


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"kind": "pedigree"', '"kind": "guess"', "model.relations.A: A second table is of a kind"),
        ('["4", "1", ""]', '["4", "1"]', "A row of a pedigree is three texts"),
        ('{"relation": "A"}', '{"relation": 4}', "Expected text"),
    ],
)
def test_files_with_odd_second_tables_are_refused(old, new, told) -> None:
    text = dumps(animal_model())
    compact = text.replace('{\n            "relation": "A"\n          }', '{"relation": "A"}')
    assert old in compact
    with pytest.raises(DocumentError, match=told):
        loads(compact.replace(old, new))


def test_a_wire_goes_by_the_individuals() -> None:
    """A matrix of eight individuals fits a design over five of them; one of five numbers does as well."""
    loose = Disconnect("n4").apply(animal_model())
    assert check_connection(loose, "n4", "n2", "g", table()) is None
    five = tuple(tuple(float(i == j) for j in range(5)) for i in range(5))
    written = after(add("KnownMatrix", name="five", K=five), start=loose)
    assert check_connection(written, "n6", "n2", "g", table()) is None
    eight = tuple(tuple(float(i == j) for j in range(8)) for i in range(8))
    odd = after(add("KnownMatrix", name="eight", K=eight), start=loose)
    assert check_connection(odd, "n6", "n2", "g", table()) is not None


def test_another_second_table_is_another_model() -> None:
    other = SetRelation("A", Relation.of_pedigree([*PEDIGREE, ("9", "", "")])).apply(animal_model())
    assert not same_structure(animal_model(), other)
    assert not same_model(animal_model(), other)
    assert same_structure(animal_model(), animal_model())
    unused = SetRelation("B", as_matrix()).apply(animal_model())
    assert same_model(animal_model(), unused)
