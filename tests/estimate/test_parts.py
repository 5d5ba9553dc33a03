"""Terms that are no effects show their part of the fitted values, in the tables and on the command line."""

import contextlib
import io

import numpy as np
import pytest
import torch

from covstudio.cli import OK, main
from covstudio.document.changes.all import AddNode
from covstudio.document.files.write import dumps
from covstudio.estimate import assemble, estimate, inferred, tables
from tests.estimate.estimate_cases import alpha


def trend():
    """The alpha design with a trend along the plots, beside the residual."""
    document, table = alpha()
    return AddNode("AR1Matrix", name="trend", connect=(document.v, None)).apply(document), table


def test_a_process_in_a_sum_shows_its_part():
    document, table = trend()
    found = estimate(document, table)
    assert list(found.inferred.parts) == ["trend"]
    frame = tables(found)["blups"]
    assert set(frame["term"]) == {"genotype", "block", "trend"}
    own = frame[frame["term"] == "trend"]
    assert list(own["level"]) == [f"row {i}" for i in range(1, 73)]

    parts = assemble(document, table)
    values = [found.fit.params[name] for name in parts.matrix.param_names]

    natural = torch.tensor(values, dtype=torch.float64)
    v = parts.matrix.evaluate(natural).numpy()
    sigma, rho = (found.fit.params[f"trend/{name}"] for name in ("sigma^2", "rho"))
    lags = np.abs(np.arange(72)[:, None] - np.arange(72))
    v_k, inverse, x = sigma * rho**lags, np.linalg.inv(v), parts.x.numpy()
    p = inverse - inverse @ x @ np.linalg.inv(x.T @ inverse @ x) @ x.T @ inverse
    np.testing.assert_allclose(own["blup"], v_k @ p @ parts.y.numpy(), rtol=1e-6, atol=1e-8)
    error = np.diag(v_k - v_k @ p @ v_k)
    np.testing.assert_allclose(own["standard_error"], np.sqrt(error), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(own["reliability"], 1.0 - error / sigma, rtol=1e-5, atol=1e-6)


def test_errors_of_parts_are_left_out_for_many_rows(monkeypatch):
    monkeypatch.setattr(inferred, "PART_ERRORS", 10)
    part = estimate(*trend()).inferred.parts["trend"]
    assert bool(part.standard_error.isnan().all())
    assert bool(part.fitted.isfinite().all())


def test_the_command_lists_the_part(tmp_path):
    document, table = trend()
    path = tmp_path / "model.json"
    path.write_text(dumps(document, table), encoding="utf-8")
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main(["fit", str(path), "--blups"]) == OK
    lines = out.getvalue().splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("Random effects of trend"))
    first = estimate(document, table).inferred.parts["trend"].fitted[0]
    assert lines[head + 1].split()[:2] == ["row", "1"]
    assert float(lines[head + 1].split()[2]) == pytest.approx(float(first), rel=1e-4)
