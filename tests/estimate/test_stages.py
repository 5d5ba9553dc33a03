"""Two stages: means of trials with their covariance matrix, or with weights, are the data of a second fit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from covstudio import fit, read_fit
from covstudio.cli import main
from covstudio.data.frames import table_of
from covstudio.document.files.write import dumps, loads
from covstudio.document.model.node import FrozenMap
from covstudio.estimate import estimate, first_stage
from covstudio.export.python import python_source
from covstudio.formula import Refusal, read
from tests.programs import run_program

REFERENCE = json.loads((Path(__file__).parent / "stages_reference.json").read_text(encoding="utf-8"))
DATA = pd.DataFrame(REFERENCE["data"])
SECOND = "mean ~ gen + (1 | county) + (1 | county:gen)"
FITS: dict[str, object] = {}


def trials():
    if "trials" not in FITS:
        FITS["trials"] = {
            county: fit("yield ~ rep + gen + (1 | rep:block)", own) for county, own in DATA.groupby("county")
        }
    return FITS["trials"]


@pytest.fixture
def first():
    if "first" not in FITS:
        FITS["first"] = first_stage({name: one.means("gen") for name, one in trials().items()}, "county")
    return FITS["first"]


def close(found, expected, relative=1e-5):
    np.testing.assert_allclose(np.asarray(found, dtype=float), expected, rtol=relative)


def test_means_and_their_variances_are_those_of_emmeans(first) -> None:
    expected = REFERENCE["means"]
    assert first.frame["county"].tolist() == expected["county"]
    assert first.frame["gen"].tolist() == expected["gen"]
    for column in ("mean", "variance", "smith"):
        close(first.frame[column], expected[column], 2e-4)
    close(np.sqrt(np.diag(first.covariance)), first.frame["std_error"])
    assert first.covariance.loc["C1 · G01", "C2 · G01"] == 0.0 != first.covariance.loc["C1 · G01", "C1 · G02"]


@pytest.mark.parametrize("weights", ["full", "smith", "variance"])
def test_second_stages_are_those_of_r(first, weights) -> None:
    expected = REFERENCE[weights]
    errors = first.covariance if weights == "full" else weights
    found = fit(SECOND, first.frame, errors=errors)
    assert found.loglik == pytest.approx(expected["loglik"], abs=1e-4)
    varied = found.estimate.values.values()
    close(list(varied), expected["variances"], 1e-3)
    close(found.fixed["estimate"], expected["beta"], 1e-4)
    close(found.fixed["standard_error"], expected["se"], 1e-4)


def test_known_variances_of_errors_are_those_of_nlme() -> None:
    expected = REFERENCE["nlme_ml"]
    found = fit(SECOND, pd.DataFrame(REFERENCE["means"]), errors="variance", method="ML")
    assert found.loglik == pytest.approx(expected["loglik"], abs=1e-6)
    close(found.fixed["estimate"], expected["beta"], 1e-4)


def test_with_known_variances_both_stages_are_one(first) -> None:
    """Trials with fixed genotypes: generalised least squares of the plots, and of the means."""
    known = {"county": 400.0, "county:gen": 60.0}
    second = held(read(SECOND, first.frame, errors=first.covariance).document, known)
    stages = estimate(second, table_of(first.frame))

    blocks = {county: one.params["rep:block/g/sigma^2"] for county, one in trials().items()}
    plots_errors = {county: one.params["residual/sigma^2"] for county, one in trials().items()}
    of = DATA["county"]
    v = (
        known["county"] * same(of)
        + known["county:gen"] * same(of + DATA["gen"])
        + same(of + DATA["rep"] + DATA["block"]) * of.map(blocks).to_numpy()
        + np.diag(of.map(plots_errors))
    )
    # What the first stage has beside its genotypes: replicates, so that means are over these.
    replicates = [centred(DATA["rep"].where(of == county)) for county in trials()]
    genotypes = pd.get_dummies(DATA["gen"]).to_numpy(float)[:, 1:]
    x = np.concatenate([np.ones((len(DATA), 1)), genotypes, *replicates], axis=1)
    weighted = np.linalg.solve(v, x)
    spread = np.linalg.inv(x.T @ weighted)
    beta = spread @ weighted.T @ DATA["yield"].to_numpy()
    p = stages.fit.p
    assert p == 12
    close(stages.fit.beta, beta[:p], 1e-8)
    close(stages.fit.beta_standard_errors, np.sqrt(np.diag(spread))[:p], 1e-8)


def same(labels):
    """1 where two rows have the same label."""
    texts = labels.to_numpy()
    return (texts[:, None] == texts).astype(float)


def centred(labels):
    """Contrasts of levels whose effects sum to 0, so that the constant is their mean; 0 without a level."""
    codes = pd.get_dummies(labels).to_numpy(float)
    return codes[:, :-1] - codes[:, -1:]


def held(document, variances):
    """The document with these variance components held."""
    nodes = {}
    for node in document.nodes.values():
        owner = next((name for name in variances if node.name == f"{name} variance"), None)
        value = None if owner is None else {"sigma^2": variances[owner]}
        nodes[node.id] = (
            node if value is None else replace(node, values=FrozenMap(value), fixed=frozenset(value))
        )
    assert sum(nodes[one] != node for one, node in document.nodes.items()) == len(variances)
    return replace(document, nodes=FrozenMap(nodes))


def test_documents_files_and_programs_keep_the_errors(first, tmp_path, monkeypatch) -> None:
    found = fit(SECOND, first.frame, errors=first.covariance)
    document, table = loads(dumps(found.document, found.table))
    assert document.relations["errors"] == found.document.relations["errors"]
    assert estimate(document, table).fit.loglik == found.loglik
    found.save(tmp_path / "second.json")
    again = read_fit(tmp_path / "second.json")
    assert again.loglik == found.loglik
    assert again.tidy().equals(found.tidy())
    first.frame.to_csv(tmp_path / "means.csv", index=False)
    first.covariance.to_csv(tmp_path / "covariance.csv")
    done = run_program(python_source(found.document, found.table), tmp_path, ["means.csv"])
    assert done.code == 0, done.stderr
    assert f"{found.loglik:.4f}" in done.stdout


def test_the_command_line_takes_errors(first, tmp_path, capsys) -> None:
    first.frame.to_csv(tmp_path / "means.csv", index=False)
    first.covariance.to_csv(tmp_path / "covariance.csv")
    for errors, expected in (("smith", "smith"), (str(tmp_path / "covariance.csv"), "full")):
        assert main(["fit", SECOND, str(tmp_path / "means.csv"), "--errors", errors, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["loglik"] == pytest.approx(REFERENCE[expected]["loglik"], abs=1e-4)


def test_the_order_of_rows_is_that_of_their_names(first) -> None:
    turned = first.frame.iloc[::-1].reset_index(drop=True)
    found = fit(SECOND, turned, errors=first.covariance)
    assert found.loglik == pytest.approx(REFERENCE["full"]["loglik"], abs=1e-4)
    bare = fit(SECOND, turned, errors=first.covariance.to_numpy()[::-1, ::-1])
    assert bare.loglik == pytest.approx(found.loglik, abs=1e-8)
    # A mean that is missing takes its errors with it.
    short = first.frame.assign(mean=first.frame["mean"].where(first.frame.index != 3))
    own = first.frame["estimate"].drop(3)
    less = fit(SECOND, short, errors=first.covariance)
    alone = fit(SECOND, first.frame.drop(3), errors=first.covariance.loc[own, own])
    assert less.loglik == pytest.approx(alone.loglik, abs=1e-8)


def test_what_cannot_be_is_refused(first) -> None:
    frame = first.frame
    with pytest.raises(Refusal, match=r"'variances'.*Did you mean 'variance'"):
        fit(SECOND, frame, errors="variances")
    with pytest.raises(Refusal, match="that of row 1 is -1"):
        fit(SECOND, frame.assign(variance=-1.0), errors="variance")
    with pytest.raises(Refusal, match="weights of its own"):
        fit(SECOND, frame, errors="smith", weights="variance")
    with pytest.raises(Refusal, match="no column of the table names every row"):
        fit(SECOND, frame.drop(columns="estimate"), errors=first.covariance)
    with pytest.raises(Refusal, match="rows without names"):
        fit(SECOND, frame, errors=np.eye(3))
    one = trials()["C1"].means("gen")
    with pytest.raises(ValueError, match="those before of 'gen'"):
        first_stage({"C1": one, "C2": trials()["C2"].means("rep")})
    with pytest.raises(ValueError, match="column 'gen' of its own"):
        first_stage({"C1": one}, "gen")
    with pytest.raises(ValueError, match="there are none"):
        first_stage({})
    with pytest.raises(ValueError, match=r"Two trials are called '1'\."):
        first_stage({1: one, "1": one})
    for wrong in ([one], {"C1": one.frame()}, {"C1": 3}):
        with pytest.raises(
            TypeError, match=r"first_stage takes the means of a fit.* got (list|DataFrame|int)"
        ):
            first_stage(wrong)
    twice = pd.concat([frame, frame.iloc[:1]])
    with pytest.raises(Refusal, match=r"'estimate' names .* the name of more than one row"):
        fit(SECOND, twice, errors=first.covariance)


def test_an_effect_that_known_errors_determine_has_degrees_without_end(first) -> None:
    """Of trials with all genotypes, differences of genotypes have the variance of the errors alone."""
    found = fit("mean ~ gen + (1 | county)", first.frame.assign(variance=1.0), errors="variance")
    degrees = found.fixed["df"].to_numpy()
    assert np.isfinite(degrees[0])
    assert np.isinf(degrees[1:]).all()
    told = found.anova(3)
    assert told["den_df"].tolist() == [np.inf]
    assert told["p"][0] == pytest.approx(chi2.sf(told["F"][0] * told["df"][0], told["df"][0]), rel=1e-9)


def test_a_test_of_finite_and_endless_degrees_keeps_those_of_fai_and_cornelius(first) -> None:
    """A difference with the errors' variance alone, and a mean: E = 1 + m / (m - 2), df = 2 E / (E - 2)."""
    found = fit("mean ~ gen + (1 | county)", first.frame.assign(variance=1.0), errors="variance").inference
    p = found.fit.p
    rows = np.eye(p)[[0, 1]]
    rows[0] += np.eye(p)[1:].sum(0) / p  # the mean over genotypes, which no difference is correlated with
    m = found.wald(rows[0]).denominator_df
    expected = 1.0 + m / (m - 2.0)
    assert found.wald(rows).denominator_df == pytest.approx(2.0 * expected / (expected - 2.0), rel=1e-4)
