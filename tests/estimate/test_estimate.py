"""From a document and a table to estimates."""

import pickle

import numpy as np
import pytest
import torch

from covstudio.covariance import ARMAMatrix
from covstudio.data.examples import load_example
from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.changes.all import (
    Batch,
    SetArgument,
    SetDegrees,
    SetDerived,
    SetDropDependent,
    SetFixed,
    SetFixedEffects,
    SetMethod,
    SetParameters,
    SetRoles,
)
from covstudio.document.model.node import Columns
from covstudio.estimate import assemble, derive, estimate, outlook, tables
from covstudio.reml import FitCancelled, Inference, InvalidModel
from tests.estimate.estimate_cases import ALPHA, alpha, node, refused


def test_the_published_analysis(found):
    # John & Williams (1995), Cyclic and Computer Generated Designs, p. 146, fitted by REML.
    document, _ = alpha()
    assert found.values == pytest.approx(
        {
            (node(document, "genotype variance"), "sigma^2"): 0.142902,
            (node(document, "block variance"), "sigma^2"): 0.070218,
            (node(document, "residual"), "sigma^2"): 0.081617,
        },
        abs=1e-6,
    )
    assert found.fixed_names == ("(Intercept)", "rep[R2]", "rep[R3]")
    assert found.fit.beta.tolist() == pytest.approx([4.518250, 0.297846, -0.414046], abs=1e-6)
    assert found.fit.beta_standard_errors.tolist() == pytest.approx([0.145114, 0.173803, 0.173803], abs=1e-6)
    assert found.fit.kernel_loglik == pytest.approx(16.809849, abs=1e-6)
    assert found.fit.loglik == pytest.approx(-46.596910, abs=1e-6)
    assert found.notes == ()


def test_the_estimates_are_a_change_of_the_document(found):
    document, table = alpha()
    fitted = SetParameters(found.values).apply(document)
    naturals = build(fitted, table).naturals("V", fitted).tolist()
    assert naturals == pytest.approx(list(found.fit.params.values()), rel=1e-15)


def test_where_the_sliders_stand_does_not_matter(found):
    document, table = alpha()
    moved = SetParameters(dict.fromkeys(found.values, 50.0)).apply(document)
    again = estimate(moved, table)
    assert dict(again.values) == dict(found.values)


def test_it_pickles(found):
    again = pickle.loads(pickle.dumps(found))
    assert again.values == found.values
    assert torch.equal(again.fit.beta, found.fit.beta)
    assert again.fixed_names == found.fixed_names


def test_tables(found):
    frames = tables(found)
    assert list(frames) == [
        "variance_components",
        "variance_shares",
        "varcorr",
        "fixed_effects",
        "tests",
        "variance_tests",
        "derived",
        "blups",
        "fit",
    ]
    components = frames["variance_components"]
    assert components["parameter"].tolist() == ["genotype/g/sigma^2", "block/g/sigma^2", "residual/sigma^2"]
    assert components["estimate"].tolist() == pytest.approx([0.142902, 0.070218, 0.081617], abs=1e-6)
    assert (components["standard_error"] > 0).all()
    assert components["status"].tolist() == ["", "", ""]
    shares = frames["variance_shares"]
    assert shares["term"].tolist() == ["genotype", "block", "residual"]
    assert shares["variance"].tolist() == pytest.approx(components["estimate"].tolist())
    assert shares["share"].tolist() == pytest.approx(
        (components["estimate"] / shares["variance"].sum()).tolist()
    )
    # Independent genotypes, each in every replicate: both are the mean reliability of a contrast.
    assert shares["cullis_heritability"][0] == pytest.approx(0.809, abs=5e-4)
    assert shares["generalised_heritability"][0] == pytest.approx(shares["cullis_heritability"][0], rel=1e-6)
    assert shares["cullis_heritability"].isna().tolist() == [False, False, True]
    effects = frames["fixed_effects"]
    assert effects["t"].tolist() == pytest.approx((effects["estimate"] / effects["standard_error"]).tolist())
    blups = frames["blups"]
    assert blups.groupby("term", sort=False).size().to_dict() == {"genotype": 24, "block": 18}
    assert blups["level"].tolist()[:2] == ["G01", "G02"]
    assert blups["level"].tolist()[24] == "R1⋈B1"
    summary = dict(zip(frames["fit"]["quantity"], frames["fit"]["value"], strict=True))
    assert (summary["response"], summary["rows"], summary["estimated parameters"]) == ("yield", 72, 3)
    assert summary["log-likelihood"] == pytest.approx(-46.596910, abs=1e-6)
    assert summary["converged"] is True


def test_uncertainty_comes_with_the_estimates(found):
    frames = tables(found)
    components = frames["variance_components"]
    # On the log scale: the estimate times and over exp(1.96 se / estimate).
    factor = np.exp(1.959964 * components["standard_error"] / components["estimate"])
    assert components["lower"].tolist() == pytest.approx((components["estimate"] / factor).tolist(), rel=1e-5)
    assert components["upper"].tolist() == pytest.approx((components["estimate"] * factor).tolist(), rel=1e-5)
    # As lmerTest prints them: Satterthwaite for y ~ rep + (1 | gen) + (1 | rep:block).
    effects = frames["fixed_effects"].set_index("effect")
    assert effects["df"].tolist() == pytest.approx([21.0903, 11.7551, 11.7551], abs=1e-3)
    assert effects["p"]["rep[R3]"] == pytest.approx(0.035015, abs=1e-5)
    (test,) = frames["tests"].to_dict("records")
    assert (test["term"], test["df"]) == ("rep", 2)
    assert test["F"] == pytest.approx(8.46296, abs=1e-4)
    # 1 - PEV / sigma^2 of every genotype.
    blups = frames["blups"]
    genotypes = blups[blups["term"] == "genotype"]
    expected = 1.0 - genotypes["standard_error"] ** 2 / 0.142902
    assert genotypes["reliability"].tolist() == pytest.approx(expected.tolist(), abs=1e-5)
    assert (found.fit.information, found.inferred.degrees) == ("observed", "Satterthwaite")


def test_derived_quantities_are_part_of_a_fit():
    texts = ["h2 = genotype / (genotype + residual)", "genotype/g/sigma^2", "genotype / gone", "1 / 0"]
    found = estimate(*alpha(SetDerived(texts)))
    heritability, variance, unknown, undefined = found.derived
    assert (heritability.name, heritability.text) == ("h2", texts[0])
    g, e = found.fit.params["genotype/g/sigma^2"], found.fit.params["residual/sigma^2"]
    assert heritability.estimate == pytest.approx(g / (g + e))
    covariance = found.inferred.covariance
    places = [c.name for c in covariance.coordinates]
    gradient = np.zeros(3)
    gradient[places.index("genotype/g/sigma^2")] = e / (g + e) ** 2
    gradient[places.index("residual/sigma^2")] = -g / (g + e) ** 2
    error = float(np.sqrt(gradient @ covariance.matrix @ gradient))
    assert heritability.standard_error == pytest.approx(error)
    assert heritability.upper == pytest.approx(heritability.estimate + 1.959964 * error, rel=1e-6)
    interval = found.inferred.intervals["genotype/g/sigma^2"]
    assert variance.standard_error == pytest.approx(interval.standard_error)
    assert "gone" in unknown.error
    assert undefined.error.startswith("Division by 0")
    # The same without the data, as the app asks for one that was typed after the fit.
    document, table = alpha()
    again = derive(build(document, table).v, found.fit, found.inferred, texts)
    assert again[0] == heritability


def test_maximum_likelihood(found):
    # lme4: lmer(yield ~ rep + (1 | gen) + (1 | rep:block), REML = FALSE).
    fitted = estimate(*alpha(SetMethod("ML")))
    assert fitted.method == "ML"
    assert fitted.fit.loglik == pytest.approx(-43.330380, abs=1e-5)
    assert fitted.fit.params["genotype/g/sigma^2"] == pytest.approx(0.139046, abs=1e-5)
    assert fitted.fit.params["residual/sigma^2"] < found.fit.params["residual/sigma^2"] * 1.02
    assert fitted.inferred.intervals["residual/sigma^2"].lower == pytest.approx(0.050682, abs=1e-5)


def test_kenward_and_roger(found):
    told = estimate(*alpha(SetDegrees("kenward-roger"))).inferred
    assert told.degrees == "Kenward-Roger"
    effects = {one.name: one for one in told.effects}
    # Satterthwaite's are 21.0903 and 11.7551. Standard errors stay: replicates are complete.
    assert effects["(Intercept)"].df == pytest.approx(21.7241, abs=1e-3)
    assert effects["rep[R3]"].df == pytest.approx(12.5321, abs=1e-3)
    errors = [effect.standard_error for effect in told.effects]
    assert errors == pytest.approx(found.fit.beta_standard_errors.tolist())
    assert told.tests[0].method == "kenward-roger"
    assert told.tests[0].scaling == pytest.approx(1.0, abs=0.05)
    observed = estimate(*alpha(SetDegrees("kenward-roger-observed"))).inferred
    assert observed.degrees == "Kenward-Roger (observed information)"
    # Satterthwaite's go by the observed information too, and where standard errors stay the two are close.
    assert observed.effects[1].df != pytest.approx(effects["rep[R2]"].df, abs=1e-3)
    assert observed.effects[1].df == pytest.approx(11.7551, abs=0.2)
    # It is an adjustment for REML: by ML fixed effects are tested with Satterthwaite's degrees of freedom.
    by_ml = estimate(*alpha(SetDegrees("kenward-roger"), SetMethod("ML")))
    assert by_ml.inferred.degrees == "Satterthwaite"
    assert by_ml.inferred.effects[1].df == pytest.approx(
        estimate(*alpha(SetMethod("ML"))).inferred.effects[1].df
    )


def test_where_kenward_and_roger_cannot_be_had_satterthwaite_serves(monkeypatch):
    def refused(self, method="satterthwaite", level=0.95):
        if method == "kenward-roger":
            raise InvalidModel("V has too many rows.")
        return plain(self, method, level)

    plain = Inference.fixed_effects
    monkeypatch.setattr(Inference, "fixed_effects", refused)
    inferred = estimate(*alpha(SetDegrees("kenward-roger"))).inferred
    assert (inferred.degrees, inferred.tests[0].method) == ("Satterthwaite", "satterthwaite")
    assert inferred.notes == ("There are no Kenward-Roger tests of fixed effects: V has too many rows.",)


def test_dependent_columns_are_left_out_where_the_document_says_so():
    formula = SetFixedEffects("1 + rep + plot + row")
    assert "'row' is a multiple" in str(refused(*alpha(formula)))
    told = estimate(*alpha(formula, SetDropDependent(True)))
    without = estimate(*alpha(SetFixedEffects("1 + rep + plot")))
    assert told.fixed_names == without.fixed_names
    assert told.fit.loglik == pytest.approx(without.fit.loglik)
    assert [test.name for test in told.inferred.tests] == ["rep", "plot"]
    assert told.notes == ("Left out of the fixed effects, depending on others: 'row'.",)


def test_terms_that_others_contain_are_not_tested():
    table = load_example("john_alpha")
    columns = table.to_columns()
    columns["half"] = ["top" if i % 2 else "low" for i in range(72)]
    table = Table.from_columns(columns, "halves")
    document = SetFixedEffects("1 + rep * half + row").apply(ALPHA.document(table))
    document = SetRoles({"row": "covariate", "half": "factor"}).apply(document)
    inferred = estimate(document, table).inferred
    assert [(test.name, test.numerator_df) for test in inferred.tests] == [("row", 1), ("rep:half", 2)]
    assert inferred.contained == ("rep", "half")


def test_what_comes_after_the_estimates_can_be_stopped():
    document, table = alpha()
    told = []
    with pytest.raises(FitCancelled):
        estimate(document, table, fitted=told.append, stopped=lambda: True)
    assert [fit.converged for fit in told] == [True]


def test_more_rows_than_v_could_be_written_out_for():
    columns = {
        "gen": [f"G{i % 40}" for i in range(20_000)],
        "rep": [f"R{i % 3}" for i in range(20_000)],
        "block": [f"B{(i // 7) % 50}" for i in range(20_000)],
        "yield": [float((i * 7919) % 101) / 50 + (i % 40) / 9 + ((i // 7) % 50) / 40 for i in range(20_000)],
    }
    table = Table.from_columns(columns, "long")
    document = ALPHA.document(table)
    foreseen = outlook(build(document, table).v, 3)
    found = estimate(document, table)
    assert foreseen.engine == found.fit.engine == "mme"
    assert found.fit.converged
    assert len(found.inferred.intervals) == 3
    refused_too = outlook(ARMAMatrix(8100, 1, 1), 1)
    assert "8100" in refused_too


def test_fixed_parameters_stay(found):
    document, _ = alpha()
    block = node(document, "block variance")
    document, table = alpha(SetParameters({(block, "sigma^2"): 0.25}), SetFixed(block, "sigma^2", True))
    held = estimate(document, table)
    assert held.fit.params["block/g/sigma^2"] == pytest.approx(0.25, rel=1e-15)
    assert (block, "sigma^2") not in held.values
    assert held.fit.loglik < found.fit.loglik
    assert tables(held)["variance_components"]["status"].tolist() == ["", "fixed", ""]


def test_a_variance_of_zero_is_said():
    # A factor that was drawn at random explains nothing here.
    table = load_example("john_alpha")
    noise = [str((i * 7 + i // 5) % 6) for i in range(72)]
    table = Table.from_columns({**table.to_columns(), "noise": noise}, "with noise")
    document = Batch([SetArgument("n6", "factors", Columns(("noise",)))]).apply(ALPHA.document(table))
    found = estimate(document, table)
    status = tables(found)["variance_components"].set_index("parameter")["status"]
    assert status["block/g/sigma^2"] == "at the end of its range"
    assert found.fit.verdict == "at the boundary"
    interval = found.inferred.intervals["block/g/sigma^2"]
    assert interval.lower == 0.0 < interval.upper


def test_rows_without_a_value_are_left_out_and_counted():
    columns = load_example("john_alpha").to_columns()
    columns["yield"][3] = None
    columns["gen"][10] = None
    columns["rep"][20] = None
    columns["plot"][30] = None
    table = Table.from_columns(columns, "gaps")
    document = ALPHA.document(table)
    parts = assemble(document, table)
    assert parts.matrix.shape == (69, 69)
    assert parts.y.shape == (69,)
    assert parts.x.shape == (69, 3)
    assert parts.notes == ("3 of 72 rows were dropped: 1 has no 'rep', 1 has no 'gen', 1 has no 'yield'.",)
    kept = [i for i in range(72) if i not in (3, 10, 20)]
    assert parts.y.tolist() == [columns["yield"][i] for i in kept]
    fitted = estimate(document, table)
    assert fitted.notes == parts.notes
    assert parts.notes[0] in tables(fitted)["fit"]["value"].tolist()


def test_the_callback_sees_every_iteration_and_can_cancel():
    numbers = []
    document, table = alpha()
    found = estimate(document, table, callback=lambda iteration: numbers.append(iteration.number))
    assert numbers == list(range(found.fit.iterations + 1))

    def stop(iteration):
        if iteration.number == 1:
            raise FitCancelled

    with pytest.raises(FitCancelled):
        estimate(document, table, callback=stop)


def test_the_number_of_iterations_is_limited():
    document, table = alpha()
    found = estimate(document, table, max_iter=1)
    assert found.fit.iterations == 1
    assert not found.fit.converged
    assert found.fit.verdict == "stopped"
    assert not found.inferred.intervals
    assert "did not converge" in found.inferred.notes[0]


def test_roles_say_what_is_a_factor():
    document, table = alpha(SetFixedEffects("1 + row"), SetRoles({"row": "covariate"}))
    assert assemble(document, table).fixed_names == ("(Intercept)", "row")
    # The response that the document names counts, whatever role another column was given.
    document, table = alpha(SetRoles({"plot": "response"}), SetFixedEffects("1 + rep"))
    assert assemble(document, table).fixed_names == ("(Intercept)", "rep[R2]", "rep[R3]")


def test_the_document_is_not_changed_and_its_build_neither():
    document, table = alpha()
    built = build(document, table)
    before = built.v().clone()
    estimate(document, table)
    assert torch.equal(built.v(), before)
    assert document == alpha()[0]
