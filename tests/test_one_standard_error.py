"""One number wherever a fit is read: the library's summary, the command, a program, the studio's tables."""

import contextlib
import io
import itertools
import json
import math
import pickle
import time

import msgspec
import pytest
import torch

from covstudio.cli import OK, main
from covstudio.data.examples import load_example
from covstudio.document.changes.all import Batch, SetDegrees, SetDerived, SetFixedEffects
from covstudio.document.files.templates import TEMPLATES
from covstudio.document.files.write import dumps
from covstudio.estimate import assemble, estimate
from covstudio.export.python import python_source
from covstudio.reml import Inference, InvalidModel, explain
from covstudio.reml.fitting import uncertainty
from covstudio.reml.fitting.model import Model
from covstudio.reml.inference import fixed
from covstudio.studio.fit.results import Results

ALPHA = load_example("john_alpha")
H2 = "h2 = genotype / (genotype + residual)"


def document(degrees: str = "satterthwaite"):
    changes = Batch([SetFixedEffects("1 + rep"), SetDegrees(degrees), SetDerived([H2])])
    return changes.apply(TEMPLATES["alpha"].document(ALPHA))


def command(path, *words) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()) as err:
        assert main(["fit", str(path), *words]) == OK, err.getvalue()
    return out.getvalue()


def program(tmp_path, model) -> str:
    path = tmp_path / "alpha.csv"
    path.write_text(ALPHA.to_csv(), encoding="utf-8")
    out, space, before = io.StringIO(), {"__name__": "exported"}, torch.get_default_dtype()
    try:
        exec(compile(python_source(model, ALPHA), "model.py", "exec"), space)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            space["main"]([str(path)])
    finally:
        torch.set_default_dtype(before)
    return out.getvalue()


def row(text: str, name: str) -> list[str]:
    return next(line for line in text.splitlines() if line.strip().startswith(name)).split(name)[1].split()


@pytest.mark.parametrize("worth", [None, 0.0], ids=["observed", "average"])
@pytest.mark.parametrize("degrees", ["satterthwaite", "kenward-roger"])
def test_one_number_everywhere(tmp_path, monkeypatch, worth, degrees):
    if worth is not None:
        monkeypatch.setattr(uncertainty, "WORTH", worth)
    kind = "observed" if worth is None else "average"
    model = document(degrees)
    path = tmp_path / "model.json"
    path.write_text(dumps(model, ALPHA), encoding="utf-8")
    found = estimate(model, ALPHA)
    parts = assemble(model, ALPHA)
    told = Inference(found.fit, parts.matrix, parts.y, parts.x)
    assert (found.fit.information, told.covariance.kind) == (kind, kind)

    as_json = json.loads(command(path, "--json"))
    studio = msgspec.to_builtins(Results(found, 0.0, "alpha").state())
    printed, ran, summary = command(path), program(tmp_path, model), found.fit.summary()
    assert as_json["information"] == kind
    assert studio["summary"]["information"].startswith(f"{kind} information")
    for text in (printed, ran, summary):
        assert f"from the {kind} information" in text.lower()

    intervals = told.intervals()
    for one, other in zip(as_json["variance_components"], studio["variance_components"], strict=True):
        name, error = one["parameter"], one["standard_error"]
        for again in (found.fit.standard_errors[name], intervals[name].standard_error):
            assert again == pytest.approx(error, rel=1e-6)
        assert other["standard_error"] == pytest.approx(error, rel=1e-6)
        assert float(row(ran, name)[1]) == pytest.approx(error, rel=1e-6)
        assert float(row(summary, name)[1]) == pytest.approx(error, rel=1e-5)
        assert float(row(printed, name)[1]) == pytest.approx(error, rel=1e-4)

    effects = told.fixed_effects(degrees)
    for one, other, again in zip(
        as_json["fixed_effects"], studio["fixed_effects"], effects.entries, strict=True
    ):
        for key, value in (("standard_error", again.standard_error), ("df", again.df), ("p", again.p_value)):
            assert one[key] == pytest.approx(value, rel=1e-6)
            assert other[key] == pytest.approx(value, rel=1e-6)
        first = row(ran, one["effect"])
        assert float(first[1]) == pytest.approx(one["standard_error"], rel=1e-6)
        table = [line.split() for line in ran.splitlines() if line.strip().startswith(one["effect"])][1]
        assert float(table[2]) == pytest.approx(one["standard_error"], rel=1e-4)
        assert float(table[3]) == pytest.approx(one["df"], rel=1e-4)
        assert float(table[5]) == pytest.approx(one["p"], rel=1e-3)

    (h2,) = as_json["derived"]
    assert told.function(H2.split("=")[1]).standard_error == pytest.approx(h2["standard_error"], rel=1e-6)
    assert float(row(ran, "h2 = ")[-1]) == pytest.approx(h2["standard_error"], rel=1e-6)


def test_a_program_falls_back_on_satterthwaite_as_the_command_does(tmp_path, monkeypatch):
    def refuse(binding):
        raise InvalidModel("there is no adjustment")

    monkeypatch.setattr(fixed, "adjustment", refuse)
    model = document("kenward-roger")
    path = tmp_path / "model.json"
    path.write_text(dumps(model, ALPHA), encoding="utf-8")
    found, ran = json.loads(command(path, "--json")), program(tmp_path, model)
    assert found["degrees_of_freedom"] == "Satterthwaite"
    assert "there is no adjustment" in ran
    assert "Fixed effects (Satterthwaite degrees of freedom" in ran
    for one in found["fixed_effects"]:
        assert float(row(ran, one["effect"])[1]) == pytest.approx(one["standard_error"], rel=1e-6)


def test_the_information_that_serves_makes_a_difference():
    """Without one, the test above would say nothing."""
    found, parts = estimate(document(), ALPHA).fit, assemble(document(), ALPHA)
    average = Inference(found, parts.matrix, parts.y, parts.x, information="average")
    one, other = found.standard_errors, average.intervals()
    assert abs(one["genotype/g/sigma^2"] / other["genotype/g/sigma^2"].standard_error - 1) > 1e-3


def test_a_clock_that_runs_wild_changes_nothing(monkeypatch):
    model = document()
    calm = estimate(model, ALPHA)
    for leap in (1e6, -1e6, math.nan):
        ticks = itertools.count(0.0, leap) if not math.isnan(leap) else itertools.repeat(leap)
        with monkeypatch.context() as patched:
            for name in ("perf_counter", "monotonic", "time", "process_time"):
                patched.setattr(time, name, lambda ticks=ticks: next(ticks))
            wild = estimate(model, ALPHA)
        assert wild.fit.covariance.source == calm.fit.covariance.source == "observed information"
        assert wild.fit.params == calm.fit.params
        assert wild.fit.standard_errors == calm.fit.standard_errors
        assert wild.inferred.effects == calm.inferred.effects
        assert wild.inferred.tests == calm.inferred.tests
        assert wild.derived == calm.derived


def test_the_rule_counts_evaluations():
    """Four per parameter, at what is predicted for one from sizes."""
    found = estimate(document(), ALPHA).fit
    parts = assemble(document(), ALPHA)
    predicted = 12 * explain(parts.matrix, p=3).seconds
    model = Model(parts.matrix, p=3)
    assert uncertainty.too_dear(model, 3) == ""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(uncertainty, "WORTH", 0.99 * predicted)
        assert "would take 12 evaluations of the likelihood" in uncertainty.too_dear(model, 3)
        patched.setattr(uncertainty, "WORTH", 1.01 * predicted)
        assert uncertainty.too_dear(model, 3) == ""
    assert found.covariance.reason == ""


def test_a_pickled_fit_has_its_standard_errors_and_not_the_data():
    result = estimate(document(), ALPHA).fit
    again = pickle.loads(pickle.dumps(result))
    assert again.standard_errors == result.standard_errors
    assert again.summary() == result.summary()
    held = vars(again.uncertainty)
    assert (held["_model"], held["_problem"]) == (None, None)
