"""Programs of processes over time where several rows have the same time."""

import math

import pytest
import torch

from covstudio.data.tables import Table
from covstudio.document.changes.all import SetArgument, SetResponse
from covstudio.document.files.write import dumps, loads
from covstudio.document.model.node import Columns, Values
from covstudio.estimate import estimate
from covstudio.export.python import missing, python_source
from tests.export.export_programs import add, after, executed_v, expected_v, run

PROCESSES = ["OrnsteinUhlenbeckMatrix", "RandomWalkMatrix", "IntegratedRandomWalkMatrix"]


def repeated_measures():
    """Nine animals weighed on the same four days: V = same animal o Ornstein-Uhlenbeck process."""
    cells = [(animal, day) for animal in range(9) for day in (0.0, 1.0, 2.5, 6.0)]
    table = Table.from_columns(
        {
            "animal": [f"a{animal}" for animal, _ in cells],
            "day": [day for _, day in cells],
            "weight": [
                round(20 + 3 * math.sin(5 * animal) + day * math.cos(3 * animal) / 2, 3)
                for animal, day in cells
            ],
        },
        "weights.csv",
    )
    document = after(
        add("HadamardProduct", "V"),
        add("CovariancePropagation", "n1", name="same animal"),
        add("DummyMatrix", "n2", "z", factors=Columns(("animal",))),
        add("IdentityMatrix", "n2", "g"),
        add("OrnsteinUhlenbeckMatrix", "n1", name="days", times=Columns(("day",)), shared_times=True),
        SetResponse("weight"),
    )
    return document, table


@pytest.mark.parametrize("process", PROCESSES)
def test_the_flag_is_written_where_it_is_set(process):
    plain = after(add(process, "V", times=Values(((1.0, 2.0, 3.5),))))
    assert "shared_times" not in python_source(plain)
    document = after(add(process, "V", times=Values(((1.0, 2.0, 1.0),)), shared_times=True))
    source = python_source(document)
    assert ", shared_times=True)" in source
    torch.testing.assert_close(executed_v(source), expected_v(document), rtol=1e-12, atol=1e-12)
    again, _ = loads(dumps(document))
    assert python_source(again) == source


def test_programs_of_repeated_measures_fit_like_the_app(tmp_path):
    document, table = repeated_measures()
    (tmp_path / "weights.csv").write_text(table.to_csv())
    done = run(python_source(document, table), tmp_path, "weights.csv")
    assert done.returncode == 0, done.stderr
    printed = dict(line.split()[:2] for line in done.stdout.split("\n\n")[0].splitlines()[1:])
    found = estimate(document, table)
    assert found.fit.converged
    assert float(printed["log-likelihood"]) == pytest.approx(found.fit.loglik, abs=1e-6)
    for name, value in found.fit.params.items():
        assert float(printed[name]) == pytest.approx(value, rel=1e-5)


def test_without_the_flag_the_program_says_what_is_missing():
    document, table = repeated_measures()
    unticked = SetArgument("n5", "shared_times", None).apply(document)
    assert missing(document, table) == ()
    (reason,) = missing(unticked, table)
    assert "tick “Shared times”" in reason
    assert "tick “Shared times”" in " ".join(python_source(unticked, table).replace("#", " ").split())
