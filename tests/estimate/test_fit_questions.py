"""Questions about a fit that take refits: profile likelihoods with their curves, and tests of terms of V."""

import math
import pickle

import numpy as np
import pytest
from scipy import stats

from covstudio.covariance import CovariancePropagation, DummyMatrix, KnownMatrix, ScalarMatrix, Sum
from covstudio.data.tables import Table
from covstudio.document.changes.all import AddNode, Batch, RemoveNodes, SetArgument
from covstudio.document.files.write import dumps
from covstudio.document.model.node import Columns
from covstudio.estimate import assemble, estimate, tables
from covstudio.estimate.omitted import mixture_words, omissible_terms, omit
from covstudio.estimate.profiled import Asked, curve, cut_off, profile, profiled_parameters
from covstudio.reml import FitCancelled, fit
from covstudio.studio.fit.questions_worker import Omitting, Profiling
from covstudio.studio.fit.worker import Answered, Working, perform
from tests.estimate.estimate_cases import ALPHA


@pytest.fixture(scope="module")
def parts(document, table):
    return assemble(document, table)


@pytest.fixture(scope="module")
def block(parts, found):
    return profile(parts, found.fit, "block/g/sigma^2")


def held(parts, value):
    """The log-likelihood with the variance of blocks held at a value."""
    known = ScalarMatrix(18)
    known.set_param_specs("sigma^2", fixed=True, value=value)
    again = Sum(
        {
            "genotype": parts.matrix.operands["genotype"],
            "block": CovariancePropagation(z=parts.matrix.operands["block"].operands["z"], g=known),
            "residual": parts.matrix.operands["residual"],
        }
    )
    return fit(again, parts.y, parts.x).loglik


def test_a_profile_ends_where_the_likelihood_has_fallen_by_half_the_quantile(parts, found, block):
    assert cut_off() == pytest.approx(0.5 * stats.chi2.ppf(0.95, 1))
    for end in (block.lower, block.upper):
        assert found.fit.loglik - held(parts, end) == pytest.approx(cut_off(), abs=1e-5)


def test_the_curve_of_a_profile_goes_through_its_refits(parts, found, block):
    points = curve(block, 401)
    values, falls = np.array(points).T
    assert (np.diff(values) > 0).all()
    assert falls.max() == pytest.approx(0.0, abs=1e-4)
    assert values[falls.argmax()] == pytest.approx(block.estimate, rel=0.02)
    top = int(falls.argmax())
    assert (np.diff(falls[: top + 1]) > 0).all()
    assert (np.diff(falls[top:]) < 0).all()
    for end in (block.lower, block.upper):
        assert np.interp(end, values, falls) == pytest.approx(-cut_off(), abs=2e-3)
    # Between the refits too: against fits with the variance held there.
    for share in (0.2, 0.7):
        value = block.lower + share * (block.upper - block.lower)
        fall = held(parts, value) - found.fit.loglik
        assert np.interp(value, values, falls) == pytest.approx(fall, abs=5e-3)


def test_a_profile_from_a_boundary_is_open_there(table):
    noise = [str((i * 7 + i // 5) % 6) for i in range(72)]
    noisy = Table.from_columns({**table.to_columns(), "noise": noise}, "with noise")
    document = Batch([SetArgument("n6", "factors", Columns(("noise",)))]).apply(ALPHA.document(noisy))
    fitted, parts = estimate(document, noisy).fit, assemble(document, noisy)
    assert "block/g/sigma^2" in fitted.boundary
    zero = profile(parts, fitted, "block/g/sigma^2")
    assert (zero.lower, zero.open_below) == (0.0, True)
    points = curve(zero)
    assert points[0] == (0.0, 0.0)
    assert points[-1][0] >= zero.upper
    left_out = omit(parts, fitted, "block")
    assert (left_out.statistic, left_out.p_value) == (pytest.approx(0.0, abs=1e-8), pytest.approx(1.0))


def test_a_profile_that_levels_off_has_no_end_and_is_still_drawn(document, table):
    # A trend is a field of endless range: its variance grows with the range, and the likelihood stays.
    field = {"coordinates": Columns(("plot",))}
    trend = AddNode("ExponentialMatrix", name="field", arguments=field, connect=("n1", None)).apply(document)
    fitted, parts = estimate(trend, table).fit, assemble(trend, table)
    level = profile(parts, fitted, "field/sigma^2")
    assert (level.upper, level.open_above, level.open_below) == (math.inf, True, False)
    values, falls = np.array(curve(level)).T
    assert 2 * level.estimate < values[-1] < 10 * level.estimate
    assert falls[-1] > -cut_off()
    test = omit(parts, fitted, "field")
    assert (test.df, test.boundary) == (2, 1)
    assert test.note.startswith("p is approximate: field/range mean nothing under the fit without field")
    assert "bootstrap" not in test.note


def test_fixed_parameters_have_no_profile(parts, found):
    assert profiled_parameters(parts.matrix, found.fit) == tuple(found.fit.params)
    v = Sum(a=ScalarMatrix(3), b=ScalarMatrix(3))
    v.set_param_specs("a/sigma^2", fixed=True, value=1.0)
    assert "a/sigma^2" not in profiled_parameters(v, found.fit)


def test_a_term_is_tested_against_the_model_without_it(document, table, parts, found):
    test = omit(parts, found.fit, "block")
    without = estimate(RemoveNodes(["n5", "n6", "n7"]).apply(document), table)
    assert test.loglik == pytest.approx(without.fit.loglik, abs=1e-6)
    assert test.statistic == pytest.approx(2 * (found.fit.loglik - without.fit.loglik), abs=1e-6)
    # Self & Liang (1987): half a point mass at zero, half a chi-square with one degree of freedom.
    assert (test.df, test.boundary) == (1, 1)
    assert test.p_value == pytest.approx(0.5 * stats.chi2.sf(test.statistic, 1))
    assert not test.error


def test_which_terms_can_be_left_out():
    gen = CovariancePropagation(z=DummyMatrix(["a", "a", "b", "b"]), g=ScalarMatrix(2))
    plots = CovariancePropagation(z=DummyMatrix(["a", "b", "c", "d"]), g=ScalarMatrix(4))
    assert omissible_terms(Sum(gen=gen, residual=ScalarMatrix(4))) == ("gen",)
    # With an effect for every plot V is not singular without the residual.
    assert omissible_terms(Sum(gen=gen, plots=plots, residual=ScalarMatrix(4))) == (
        "gen",
        "plots",
        "residual",
    )
    assert omissible_terms(Sum(gen=gen, known=KnownMatrix(np.eye(4)))) == ("gen",)
    assert omissible_terms(ScalarMatrix(4)) == ()


def test_why_there_is_no_test(parts, found):
    assert "V is singular" in omit(parts, found.fit, "residual").error
    with pytest.raises(ValueError, match="there are: genotype, block"):
        omit(parts, found.fit, "blok")


def test_mixtures_in_words():
    assert mixture_words(1, 1) == "½ χ²(0) + ½ χ²(1)"
    assert mixture_words(4, 3) == "⅛ χ²(1) + ⅜ χ²(2) + ⅜ χ²(3) + ⅛ χ²(4)"
    assert mixture_words(6, 5) == "a mixture of χ²(1) to χ²(6)"


def test_answers_are_part_of_the_tables(parts, found, block):
    from dataclasses import replace

    whole = replace(found, profiles={block.name: block}, omissions=(omit(parts, found.fit, "block"),))
    frames = tables(whole)
    components = frames["variance_components"].set_index("parameter")
    assert components.loc["block/g/sigma^2", "profile_lower"] == block.lower
    assert math.isnan(components.loc["residual/sigma^2", "profile_upper"])
    assert "profile_lower" not in tables(found)["variance_components"]
    (test,) = frames["variance_tests"].to_dict("records")
    assert (test["term"], test["df"], test["boundary"]) == ("block", 1, 1)
    assert tables(found)["variance_tests"].empty


# --- in a worker ----------------------------------------------------------------------------------


def answers(task, document, table, stopped=lambda said: False):
    said = []
    packed = perform(pickle.dumps(task), dumps(document, table), said.append, lambda: stopped(said))
    return pickle.loads(packed), said


def test_a_worker_profiles_and_says_how_far_it_is(document, table, found, block):
    names = ("block/g/sigma^2", "genotype/g/gone")
    outcome, said = answers(Profiling(found.fit, names), document, table)
    assert not outcome.message
    counts = [one.count for one in said if isinstance(one, Working) and one.name == names[0]]
    assert counts == list(range(len(counts)))
    first, second = (one for one in said if isinstance(one, Answered))
    assert first.value.upper == pytest.approx(block.upper, rel=1e-6)
    assert len(block.points) == len(counts)
    assert "genotype/g/gone" in second.value


def test_a_worker_tests_terms(document, table, found):
    outcome, said = answers(Omitting(found.fit, ("genotype", "block")), document, table)
    assert not outcome.message
    assert [one.name for one in said if isinstance(one, Answered)] == ["genotype", "block"]
    assert any(isinstance(one, Working) and one.count > 0 for one in said)


@pytest.mark.parametrize("kind", [Profiling, Omitting])
def test_a_worker_stops_where_it_is_asked_to(document, table, found, kind):
    names = ("genotype/g/sigma^2", "block/g/sigma^2") if kind is Profiling else ("genotype", "block")

    def stopped(said):
        return any(isinstance(one, Working) and one.count > 1 for one in said)

    outcome, said = answers(kind(found.fit, names), document, table, stopped)
    assert outcome.cancelled
    assert not any(isinstance(one, Answered) for one in said)


def test_a_model_that_does_not_belong_to_the_fit_is_refused(document, table, found):
    larger = AddNode("ScalarMatrix", name="nugget", connect=("n1", None)).apply(document)
    outcome, _ = answers(Profiling(found.fit, ("block/g/sigma^2",)), larger, table)
    assert "v has other parameters than the fit" in outcome.message


def test_a_token_asks(parts, found):
    with pytest.raises(FitCancelled):
        profile(parts, found.fit, "block/g/sigma^2", cancel=Asked(lambda: True))
