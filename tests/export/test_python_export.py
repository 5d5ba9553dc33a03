"""Exported programs: what they look like, and that they compute what the document does."""

import math
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from covstudio import __version__
from covstudio.data.examples import load_example
from covstudio.data.tables import Table
from covstudio.document.changes.all import (
    SetDegrees,
    SetDropDependent,
    SetFixed,
    SetFixedEffects,
    SetMethod,
    SetParameters,
    SetTitle,
)
from covstudio.document.files.templates import TEMPLATES
from covstudio.document.model.document import Document
from covstudio.document.model.node import Columns, Levels, Rows, Values
from covstudio.export.python import missing, python_source
from tests.export.export_programs import add, after, expected_v, printed_v, run

GOLDEN = Path(__file__).parent / "golden"
ALPHA, SPATIAL, REPEATED = (TEMPLATES[name] for name in ("alpha", "spatial", "repeated"))


def field():
    """A grid of 3 x 11 plots, the last one without a yield."""
    cells = [(row, column) for column in range(1, 12) for row in range(1, 4)]
    yields = [round(4 + math.sin(i) + i % 5 / 10, 4) for i in range(33)]
    return Table.from_columns(
        {
            "variety": [f"v{i * 7 % 11}" for i in range(33)],
            "Row": [row for row, _ in cells],
            "Range": [column for _, column in cells],
            "yld": [*yields[:32], None],
        },
        "field.csv",
    )


def alpha_at_estimates():
    table = load_example("john_alpha")
    document = ALPHA.document(table)
    values = {"genotype variance": 0.142902, "block variance": 0.070218, "residual": 0.1 + 0.2}
    change = SetParameters({(document.named(name).id, "sigma^2"): value for name, value in values.items()})
    return change.apply(document), table


def spatial_field():
    table = field()
    document = SPATIAL.document(table)
    rows = document.named("along rows").id
    document = SetParameters(
        {(rows, "rho"): 1 / 3, (document.named("along columns").id, "rho"): -0.75}
    ).apply(document)
    return SetFixed(rows, "rho", True).apply(document), table


def everything():
    """One of each operator, arguments of every kind, names of every kind."""
    table = Table.from_columns(
        {
            "when": [0.0, 1.5, 2.0, 4.25],
            "class": ["b", "a", "b", "a"],
            'a "quoted" \\ column': ["x", "x", "y", "y"],
            "y": [1.0, 2.0, 4.0, 3.0],
        },
        "small.csv",
    )
    return (
        after(
            SetTitle('Everything """at once""" \\ "'),
            add("Sum", "V", name="total"),
            add("HadamardProduct", "n1", name="2 kernels"),
            add("OrnsteinUhlenbeckMatrix", "n2", "a", name="class", times=Columns(("when",))),
            add(
                "KnownMatrix",
                "n2",
                "b",
                name="K",
                K=tuple(tuple(1.0 if i == j else 0.1 for j in range(4)) for i in range(4)),
            ),
            add("CovariancePropagation", "n1", name='it\'s "Z"'),
            add(
                "DummyMatrix",
                "n5",
                "z",
                name="lambda",
                factors=Columns(("class", 'a "quoted" \\ column')),
                drop_first=True,
            ),
            add("Gram", "n5", "g", name="print", gram_type="xxt"),
            add("LowerTriangularMatrix", "n7", "x", name="loadings", m=2),
            add("BlockDiagonal", "n1", name="βlocks"),
            add("EquicorrelationMatrix", "n9", name="first", n=2),
            add("UnstructuredMatrix", "n9", name="second"),
            add("KroneckerProduct", "n1", name="rows"),
            add("AR1CorrelationMatrix", "n12", "a", name="sums", n=Levels(("class",))),
            add("CompoundSymmetricMatrix", "n12", "b", name="sum"),
            add("Inverse", "n1", name="precision"),
            add("Transpose", "n15", "a", name="turned"),
            add("DiagonalMatrix", "n16", "a", name="diagonal", n=Rows()),
            add("CovariancePropagation", "n1", name="written"),
            add("DummyMatrix", "n18", "z", name="typed", factors=Values((("10", "2", "10", "9"),))),
            add("AR1Matrix", "n18", "g", name="ordered"),
            SetParameters(
                {("n11", "L_1_0"): 0.7, ("n3", "range"): 2.5, ("n17", "sigma^2_3"): 1e-3, ("n20", "rho"): 0.5}
            ),
            SetFixed("n3", "range", True),
            SetFixed("n14", "sigma^2", True),
            SetFixed("n20", "rho", True),
        ),
        table,
    )


MODELS = {"alpha": alpha_at_estimates, "spatial": spatial_field, "everything": everything}


@pytest.mark.parametrize("name", MODELS)
def test_programs_look_as_agreed(name):
    """COVSTUDIO_WRITE_GOLDEN=1 writes the files anew, to be read by a person before a commit."""
    source = python_source(*MODELS[name]()).replace(__version__, "VERSION")
    path = GOLDEN / f"{name}.py.txt"
    if os.environ.get("COVSTUDIO_WRITE_GOLDEN"):
        path.write_text(source, encoding="utf-8")
    assert source == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", MODELS)
def test_programs_print_the_v_of_the_document(name, tmp_path):
    document, table = MODELS[name]()
    v = printed_v(python_source(document, table), tmp_path)
    torch.testing.assert_close(v, expected_v(document, table), rtol=1e-12, atol=1e-12)


def fitted(done):
    assert done.returncode == 0, done.stderr
    head, *lines = done.stdout.split("\n\n")[0].splitlines()
    assert head.split() == ["parameter", "estimate", "standard", "error"]
    rows = [line.rsplit(None, 2) for line in lines[:-1]]
    name, loglik = lines[-1].split()
    assert name == "log-likelihood"
    return {row[0].strip(): (float(row[1]), float(row[2])) for row in rows}, float(loglik)


def test_the_alpha_design_fits_as_published(tmp_path):
    document, table = alpha_at_estimates()
    (tmp_path / "john_alpha.csv").write_text(table.to_csv())
    rows, loglik = fitted(run(python_source(document, table), tmp_path, "john_alpha.csv"))
    # John & Williams (1995), p. 146, fitted by REML.
    published = {
        "genotype/g/sigma^2": 0.142902,
        "block/g/sigma^2": 0.070218,
        "residual/sigma^2": 0.081617,
        "(Intercept)": 4.518250,
        "rep[R2]": 0.297846,
        "rep[R3]": -0.414046,
    }
    assert {name: value for name, (value, _) in rows.items()} == pytest.approx(published, abs=1e-6)
    errors = {"(Intercept)": 0.145114, "rep[R2]": 0.173803, "rep[R3]": 0.173803}
    assert {name: rows[name][1] for name in errors} == pytest.approx(errors, abs=1e-6)
    assert loglik == pytest.approx(-46.596910, abs=1e-5)


def test_programs_fit_like_the_app(tmp_path):
    from covstudio.estimate import estimate

    document, table = spatial_field()
    (tmp_path / "field.csv").write_text(table.to_csv())
    done = run(python_source(document, table), tmp_path, "field.csv")
    rows, loglik = fitted(done)
    assert done.stderr.startswith("1 of 33 rows was dropped: 1 has no 'yld'.")
    found = estimate(document, table)
    assert loglik == pytest.approx(found.fit.loglik, abs=1e-6)
    params = {name: value for name, (value, _) in rows.items() if name in found.fit.params}
    assert params == pytest.approx(dict(found.fit.params), rel=1e-6, abs=1e-9)
    assert rows["field/g/a/rho"][0] == pytest.approx(1 / 3, abs=1e-15)
    assert math.isnan(rows["field/g/a/rho"][1])


def test_programs_fit_by_the_method_of_the_model(tmp_path):
    document, table = alpha_at_estimates()
    (tmp_path / "alpha.csv").write_text(table.to_csv())
    assert "method=" not in python_source(document, table)
    _, loglik = fitted(run(python_source(SetMethod("ML").apply(document), table), tmp_path, "alpha.csv"))
    assert loglik == pytest.approx(-43.330380, abs=1e-5)


def t_table(done):
    """Name -> estimate, standard error, df, t, p, lower, upper of the tests a program prints."""
    title, _, *lines = done.stdout.split("\n\n")[1].splitlines()
    rows = {name: [float(one) for one in rest] for name, *rest in map(str.split, lines)}
    return title, rows


def test_programs_test_fixed_effects_as_the_model_says(tmp_path):
    document, table = alpha_at_estimates()
    (tmp_path / "alpha.csv").write_text(table.to_csv())
    title, rows = t_table(run(python_source(document, table), tmp_path, "alpha.csv"))
    assert "Satterthwaite" in title
    assert rows["rep[R3]"][2:5] == pytest.approx([11.7551, -2.3823, 0.035015], abs=1e-3)
    asked = SetDegrees("kenward-roger").apply(document)
    title, adjusted = t_table(run(python_source(asked, table), tmp_path, "alpha.csv"))
    assert "Kenward-Roger" in title
    assert adjusted["rep[R3]"][2:5] == pytest.approx([12.5321, -2.3823, 0.033816], abs=1e-3)
    assert '"satterthwaite"' in python_source(SetMethod("ML").apply(asked), table)


def test_programs_leave_out_what_the_model_leaves_out(tmp_path):
    document, table = alpha_at_estimates()
    (tmp_path / "alpha.csv").write_text(table.to_csv())
    document = SetFixedEffects("1 + plot + row").apply(document)
    refused = run(python_source(document, table), tmp_path, "alpha.csv")
    assert refused.returncode == 1
    assert "'row' is a multiple of 'plot'" in refused.stderr
    done = run(python_source(SetDropDependent(True).apply(document), table), tmp_path, "alpha.csv")
    assert "row" not in fitted(done)[0]
    assert done.stderr.startswith("Left out, depending on others: row")


def test_sizes_follow_another_table(tmp_path):
    document, table = alpha_at_estimates()
    smaller = table.rows(torch.tensor([label != "R3" for label in table.labels("rep")]).numpy())
    (tmp_path / "two.csv").write_text(smaller.to_csv())
    rows, _ = fitted(run(python_source(document, table), tmp_path, "two.csv"))
    assert set(rows) == {
        "genotype/g/sigma^2",
        "block/g/sigma^2",
        "residual/sigma^2",
        "(Intercept)",
        "rep[R2]",
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "There is no file"),
        ("", "The file is empty"),
        ("gen,rep\nG1,R1\n", "There are no columns 'yield' and 'block'"),
        (
            "gen,rep,block,yield\nG1,R1,B1,high\nG2,R1,B1,low\n",
            "The response should hold numbers, and column 'yield'",
        ),
    ],
)
def test_tables_that_do_not_suit_are_refused_in_one_line(content, message, tmp_path):
    if content is not None:
        (tmp_path / "table.csv").write_text(content)
    done = run(python_source(*alpha_at_estimates()), tmp_path, "table.csv")
    assert done.returncode == 1
    assert done.stderr.startswith(message)
    assert "Traceback" not in done.stderr


def test_a_model_without_a_response_says_so(tmp_path):
    document = after(add("AR1Matrix", "V", n=3))
    source = python_source(document)
    assert printed_v(source, tmp_path).shape == (3, 3)
    done = run(source, tmp_path, "any.csv")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip() == "The model has no response: choose one in covstudio and export it again."


@pytest.mark.parametrize(
    "document",
    [
        Document(),
        after(add("Sum", "V"), add("AR1Matrix", "n1")),
        ALPHA.document(None),
        after(add("AR1Matrix")),
        after(add("DummyMatrix", "V", factors=Columns(("x\n') or print('hello",)))),
    ],
)
def test_an_unfinished_model_says_what_is_missing(document, tmp_path):
    source = python_source(document)
    assert missing(document)
    assert "# What is missing:\n# - " in source
    done = run(source, tmp_path)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (1, "", "This model is not complete yet.")


def test_a_guess_is_mentioned():
    table = load_example("john_alpha")
    document = after(add("KroneckerProduct", "V"), add("AR1Matrix", "n1", "a"), add("AR1Matrix", "n1", "b"))
    source = python_source(document, table)
    assert "# 72 = 8 × 9 is a guess." in source
    assert "a=ar1" in source
    assert "AR1Matrix(8)" in source


def test_a_guess_is_no_model_to_fit(tmp_path):
    table = load_example("john_alpha")
    document = after(add("KroneckerProduct", "V"), add("AR1Matrix", "n1", "a"), add("AR1Matrix", "n1", "b"))
    source = python_source(replace(document, response="yield"), table)
    (tmp_path / "table.csv").write_text(table.to_csv(), encoding="utf-8")
    done = run(source, tmp_path, str(tmp_path / "table.csv"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("72 = 8 × 9 is a guess. Set the size of one operand")
    assert len(run(source, tmp_path).stdout.splitlines()) == 72


def test_repeated_measures_program(tmp_path):
    subjects = [f"S{i}" for i in range(5) for _ in range(3)]
    table = Table.from_columns(
        {"Subject": subjects, "week": [1, 2, 10] * 5, "y": [float(i % 4) for i in range(15)]}, "growth"
    )
    document = REPEATED.document(table)
    source = python_source(document, table)
    torch.testing.assert_close(
        printed_v(source, tmp_path), expected_v(document, table), rtol=1e-12, atol=1e-12
    )
    assert 'sorted_labels(labels["week"])' in source
