"""Pictures are drawn in one style, light and dark, thinned where they must be; no name becomes HTML."""

from __future__ import annotations

import holoviews as hv
import numpy as np
import pandas as pd
import pytest
import torch
from bokeh.models import ColorBar, HoverTool, Plot, Title
from bokeh.models.widgets import Div

import covstudio
from covstudio.covariance import AR1CorrelationMatrix, AR1Matrix, KroneckerProduct, ScalarMatrix, Sum
from covstudio.data import load_example
from covstudio.plots.colours import palette
from covstudio.plots.drawing import drawn
from covstudio.plots.numbers import Numbers
from covstudio.plots.picture import FIT_PICTURES, Picture
from covstudio.plots.style import LOOKS, set_theme, theme_used
from covstudio.plots.thinning import MOST
from covstudio.reml import Inference, fit


@pytest.fixture(scope="module")
def alpha():
    return covstudio.fit("yield ~ rep + (1 | gen) + (1 | rep:block)", load_example("john_alpha"))


def figures(picture):
    """The Bokeh figures of a picture."""
    root = hv.renderer("bokeh").get_plot(picture).state
    return root, [model for model in root.references() if isinstance(model, Plot)]


def test_every_picture_of_a_fit_has_the_style_of_its_theme(alpha):
    for kind in alpha.plot.kinds:
        options = {
            "subjects": {"x": "plot", "by": "rep"},
            "contour": {"count": 4},
            "profile": {"parameters": "residual"},
        }.get(kind, {})
        picture, numbers = alpha.plot._numbers(kind, options)
        for theme in ("light", "dark"):
            _, found = figures(drawn(picture, numbers, theme, 480, 320))
            for figure in found:
                assert figure.background_fill_color == LOOKS[theme].surface, (kind, theme)
                assert figure.title.text_color == LOOKS[theme].text, (kind, theme)
                assert all(axis.axis_label for axis in figure.xaxis), kind
                assert figure.title.text, kind


def test_a_picture_of_a_fit_is_drawn_in_the_theme_that_is_asked_for(alpha):
    _, (figure,) = figures(alpha.plot("factor", theme="dark"))
    assert figure.background_fill_color == LOOKS["dark"].surface


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_of_matrices_are_the_painters(theme):
    v = Sum(field=KroneckerProduct(a=AR1Matrix(2), b=AR1CorrelationMatrix(3)), noise=ScalarMatrix(6))
    for rho, scale, low in ((0.5, "sequential", 0.0), (-0.5, "diverging", -2.0)):
        picture = v.plot(values={"field/a/rho": rho}, theme=theme)
        _, (figure,) = figures(picture)
        mapper = next(iter(figure.select(ColorBar))).color_mapper
        assert list(mapper.palette) == palette(scale, theme, LOOKS[theme].surface)
        assert (mapper.low, mapper.high) == (low, 2.0)


def test_a_theme_is_chosen_once_for_all():
    set_theme("dark")
    try:
        _, (figure,) = figures(ScalarMatrix(2).plot())
        assert figure.background_fill_color == LOOKS["dark"].surface
    finally:
        set_theme("light")
    assert theme_used() == "light"
    with pytest.raises(ValueError, match="theme= takes 'light' or 'dark', or None, and got 'blue'"):
        ScalarMatrix(2).plot(theme="blue")


def test_levels_stand_along_the_axes(alpha):
    _, (figure,) = figures(alpha.plot("caterpillar", term="gen"))
    assert set(figure.yaxis[0].major_label_overrides.values()) == set(alpha.table.levels("gen"))
    _, (figure,) = figures(alpha.plot("factor"))
    assert list(figure.xaxis[0].major_label_overrides.values()) == ["R1", "R2", "R3"]
    _, (figure,) = figures(alpha.inference.v.plot(part="gen/g"))
    assert list(figure.xaxis[0].major_label_overrides.values()) == list(alpha.table.levels("gen"))


def test_large_matrices_are_shown_in_blocks_and_say_so():
    _, (figure,) = figures(AR1Matrix(1200).plot())
    assert "1,200 x 1,200; a cell shows the largest of 3 x 3" in " ".join(figure.title.text.split())


def test_many_rows_are_thinned_and_the_title_says_so():
    n = 2 * MOST
    y = torch.randn(n, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    y[17] = 40.0
    x = torch.ones(n, 1, dtype=torch.float64)
    v = ScalarMatrix(n)
    told = Inference(fit(v, y, x), v, y, x)
    for kind in ("residuals", "qq"):
        picture = told.plot(kind)
        (points,) = picture.traverse(lambda element: element, [hv.Scatter])
        assert len(points) == MOST
        assert points.dimension_values("y").max() == pytest.approx(told.plot.data(kind)["standardised"].max())
        _, (figure,) = figures(picture)
        assert f"{MOST:,} of {n:,} rows drawn" in " ".join(figure.title.text.split())


def test_names_are_text_and_never_html(alpha):
    evil = "<img src=x onerror=alert(1)>"
    frame = pd.DataFrame(
        {
            "row": [1, 1, 2, 2, 3, 3],
            "col": [1, 2, 1, 2, 1, 2],
            "g": [evil, "b", evil, "b", evil, "b"],
            evil + "{x}": [1.0, 2.5, 1.4, 2.0, 1.8, 2.2],
        }
    )
    found = covstudio.fit(f"`{evil}{{x}}` ~ 1 + (1 | g)", frame)
    for kind in ("field", "caterpillar", "residuals", "factor"):
        root, pictures = figures(found.plot(kind))
        assert all("<img" not in one.text for one in root.references() if isinstance(one, Div))
        assert all(isinstance(figure.title, Title) for figure in pictures)
    root, _ = figures(found.plot("field"))
    (title,) = (one for one in root.references() if isinstance(one, Div))
    assert "{x}" in title.text


def test_numbers_need_no_names_of_their_own():
    frame = ScalarMatrix(3).plot.data()
    assert frame.index.tolist() == frame.columns.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(frame, np.eye(3))


def test_a_picture_of_ones_own_is_met_like_all_others(alpha):
    def numbers(model, power=1):
        return Numbers(pd.DataFrame({"y": model.y**power}), "Response", {"y": "y"})

    def draw(told, sheet):
        return sheet.together([sheet.points(told.frame.assign(k=0.0), "k", "y")], told, "k", "y")

    FIT_PICTURES.register(Picture("response", "the response", numbers, draw))
    try:
        assert alpha.plot.kinds.count("response") == 1
        assert alpha.plot.data("response", power=2)["y"].iloc[0] == pytest.approx(4.1172**2)
        _, (figure,) = figures(alpha.plot("response"))
        assert figure.title.text == "Response"
    finally:
        FIT_PICTURES.withdraw("response")


def test_the_pointer_tells_row_column_and_value():
    _, (figure,) = figures(ScalarMatrix(3).plot(rows=["a", "b", "c"]))
    (hover,) = figure.select(HoverTool)
    assert [field for _, field in hover.tooltips] == ["@row{custom}", "@column{custom}", "@image{custom}"]
    assert hover.formatters["@row"].args["names"] == ["a", "b", "c"]
    (image,) = (one.data_source for one in figure.renderers)
    assert {"row", "column", "image"} <= set(image.data)
