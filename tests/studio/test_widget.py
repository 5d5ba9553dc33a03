"""The studio as a widget: its values follow the page and move it."""

from __future__ import annotations

import pandas as pd
import pytest
import torch

import covstudio
from covstudio.covariance import AR1Matrix, CovariancePropagation, DummyMatrix, Matrix, ScalarMatrix, Sum
from covstudio.document.build.of_matrix import NotADocument
from covstudio.document.changes.all import SetParameters
from covstudio.document.files.templates import templates


def model() -> Matrix:
    return Sum(trend=AR1Matrix(4), noise=ScalarMatrix(4))


@pytest.fixture
def studio():
    made = covstudio.Studio(model())
    yield made
    made.close()


def test_an_empty_widget_is_an_empty_studio() -> None:
    studio = covstudio.Studio()
    assert (studio.matrix, studio.fit, studio.theta.tolist()) == (None, None, [])
    assert not studio.document.nodes
    studio.close()


def test_theta_moves_the_sliders_as_one_step(studio) -> None:
    studio.theta = torch.tensor([0.5, -0.5, 1.0])
    expected = model()(studio.theta)
    torch.testing.assert_close(studio.matrix(studio.theta), expected, rtol=1e-12, atol=1e-12)
    assert studio._store.history.undo_label == "Set theta"
    studio._store.undo()
    torch.testing.assert_close(studio.theta, torch.zeros(3, dtype=torch.float64))


def test_the_sliders_move_theta(studio) -> None:
    heard = []
    studio.param.watch(lambda event: heard.append(event.new), "theta")
    studio._store.dispatch(SetParameters({("n3", "sigma^2"): 4.0}))
    assert len(heard) == 1
    assert float(heard[0][2]) == pytest.approx(0.5 * torch.log(torch.tensor(4.0)).item())


def test_a_theta_that_does_not_fit_is_refused_and_nothing_moves(studio) -> None:
    with pytest.raises(ValueError, match=r"expected theta of shape \(3,\), got \(2,\)"):
        studio.theta = torch.zeros(2)
    assert studio.theta.tolist() == [0.0, 0.0, 0.0]


def test_another_matrix_or_document_replaces_the_model(studio) -> None:
    studio.matrix = AR1Matrix(6)
    assert [node.kind for node in studio.document.nodes.values()] == ["AR1Matrix"]
    studio.document = templates()[0].document(None)
    assert studio._store.history.can_undo
    studio._store.undo()
    assert studio.matrix.shape == (6, 6)


def test_a_frame_gives_the_names() -> None:
    frame = pd.DataFrame({"gen": ["a", "b", "a", "c"], "yield": [1.0, 2.0, 3.0, 4.0]})
    v = CovariancePropagation(z=DummyMatrix(frame["gen"].tolist()), g=ScalarMatrix(3))
    studio = covstudio.explore(v, table=frame)
    assert studio.table.columns == ("gen", "yield")
    assert studio.document.nodes["n2"].arguments["factors"].names == ("gen",)
    studio.close()


def test_what_no_document_stands_for_is_refused() -> None:
    with pytest.raises(NotADocument, match="V is square"):
        covstudio.Studio(DummyMatrix(["a", "b", "a"]))


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'studio_of'"):
        covstudio.studio_of  # noqa: B018
