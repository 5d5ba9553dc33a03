"""What a notebook shows: pictures and tables as HTML without scripts, in which every name is text."""

from __future__ import annotations

import base64
import pickle
import re
import zlib

import numpy as np
import pandas as pd
import pytest
import torch

import covstudio
from covstudio.covariance import (
    AR1Matrix,
    CompoundSymmetricMatrix,
    DummyMatrix,
    Matrix,
    ScalarMatrix,
    Sum,
)
from covstudio.data import load_example
from covstudio.data.frames import table_of
from covstudio.plots.colours import table
from covstudio.reml import Inference, fit


@pytest.fixture(scope="module")
def alpha():
    return covstudio.fit("yield ~ rep + (1 | gen) + (1 | rep:block)", load_example("john_alpha"))


def pictures(html):
    """Label -> code of every cell, of the pictures for light notebooks."""
    found = {}
    image = r'class="cs-light" src="data:image/png;base64,([^"]*)"[^>]*alt="([^"]*)"'
    for data, alt in re.findall(image, html):
        content = base64.b64decode(data)
        width, height = (int.from_bytes(content[16 + 4 * k : 20 + 4 * k], "big") for k in (0, 1))
        at = content.index(b"IDAT")
        size = int.from_bytes(content[at - 4 : at], "big")
        lines = np.frombuffer(zlib.decompress(content[at + 4 : at + 4 + size]), np.uint8)
        found[alt.partition(",")[0]] = lines.reshape(height, width + 1)[:, 1:]
        palette = content.index(b"PLTE") + 4
        shown = np.frombuffer(content[palette : palette + 768], np.uint8).reshape(256, 3)
        assert any((shown == table(scale, "light")[:, :3]).all() for scale in ("sequential", "diverging"))
    return found


def test_a_matrix_shows_v_and_its_slices():
    v = Sum(trend=AR1Matrix(4), noise=ScalarMatrix(4))
    v.set_param_specs("trend/rho", value=-0.5)
    html = v._repr_html_()
    found = pictures(html)
    assert list(found) == ["V", "∂V/∂σ² of trend", "∂V/∂ρ of trend", "∂V/∂σ² of noise"]
    value = v().double().numpy()
    np.testing.assert_array_equal(found["V"], np.rint(value / 2.0 * 127 + 128))
    np.testing.assert_array_equal(found["∂V/∂σ² of noise"], 255 * np.eye(4))
    assert "−2 to 2" in html
    assert "-0.5".replace("-", "−") in html
    assert html.count('cs-dark" src') == 4


class Broken(Matrix):
    """A matrix without a value."""

    def evaluate(self, natural):
        raise ValueError("this <b>cannot</b> be")


def test_what_has_no_picture_says_so():
    assert "Too large for a picture" in ScalarMatrix(5000)._repr_html_()
    many = DummyMatrix(list(map(str, range(1500))))._repr_html_()
    assert "Too large" in many
    assert "not finite" not in CompoundSymmetricMatrix(3)._repr_html_()

    html = Broken((2, 2), ["a"])._repr_html_()
    assert "There is no picture: this &lt;b&gt;cannot&lt;/b&gt; be" in html


def test_fits_results_and_tables_show_their_numbers(alpha):
    for html in (alpha._repr_html_(), alpha.fit._repr_html_()):
        assert "log-likelihood -46.5969" in html
        assert "0.142902" in html
        assert "rep[R3]" in html
    assert "yield ~ rep" in alpha._repr_html_()
    told = alpha.inference._repr_html_()
    assert "Satterthwaite" in told
    assert "0.0704157" in told
    components = alpha.inference.components()
    assert all(row["term"] in components._repr_html_() for row in components.table())
    data = alpha.table._repr_html_()
    assert "72 rows, 7 columns; the first 10" in data
    assert data.count("<tr>") == 11


def test_text_stays_as_it_is(alpha):
    v = AR1Matrix(3)
    assert repr(v).startswith("AR1Matrix(\n  shape: (3, 3)")
    assert repr(alpha.fit) == alpha.fit.summary()
    again = pickle.loads(pickle.dumps(alpha.fit))
    assert again._repr_html_() == alpha.fit._repr_html_()


def test_names_are_shown_and_never_executed():
    evil = "<script>alert(1)"
    frame = pd.DataFrame({evil: [evil, "b"] * 4, "y": [1.0, 2.0, 1.5, 2.5, 1.1, 2.2, 1.2, 2.6]})
    found = covstudio.fit(f"y ~ 1 + (1 | `{evil}`)", frame)
    v = Sum({evil: ScalarMatrix(3), "b": ScalarMatrix(3)})
    y, x = torch.tensor([1.0, 2.0, 4.0]), torch.ones(3, 1)
    named = fit(ScalarMatrix(3), y, x, x_names=[evil])
    told = Inference(named, ScalarMatrix(3), y, x)
    for thing in (
        found,
        found.fit,
        found.inference,
        table_of(frame, evil),
        v,
        named,
        told,
        told.fixed_effects(),
    ):
        html = thing._repr_html_()
        assert "<script" not in html
        assert "&lt;script&gt;" in html
