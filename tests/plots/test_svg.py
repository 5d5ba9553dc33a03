"""Pictures as SVG: every kind, by the same drawing as HoloViews', in the colours of a theme or of a page."""

from __future__ import annotations

import inspect
import re
from xml.etree import ElementTree

import numpy as np
import pytest

import covstudio
from covstudio.data import load_example
from covstudio.plots.raster import codes_of
from covstudio.plots.sheet import Sheet
from covstudio.plots.style import LOOKS
from covstudio.plots.svg import round_ticks
from covstudio.plots.svg_sheet import SvgSheet

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def alpha():
    return covstudio.fit("yield ~ rep + (1 | gen) + (1 | rep:block)", load_example("john_alpha"))


def test_both_sheets_draw_the_same_elements() -> None:
    def told(sheet):
        return {
            name: list(inspect.signature(member).parameters) if callable(member) else None
            for name, member in vars(sheet).items()
            if not name.startswith("_")
        }

    assert told(SvgSheet) == told(Sheet)


def test_every_picture_of_a_fit_is_well_formed_in_every_theme(alpha) -> None:
    for kind in alpha.plot.kinds:
        options = {
            "subjects": {"x": "plot", "by": "rep"},
            "contour": {"count": 4},
            "profile": {"parameters": "residual"},
        }.get(kind, {})
        for theme in ("light", "dark", None) if kind not in ("contour", "profile") else (None,):
            try:
                drawn = alpha.plot.svg(kind, theme=theme, **options)
            except ValueError as error:
                with pytest.raises(ValueError, match=re.escape(str(error))):
                    alpha.plot(kind, **options)
                continue
            text = str(drawn)
            root = ElementTree.fromstring(text)
            assert root.attrib["aria-label"] == drawn.title
            assert drawn.title, kind
            assert "nan" not in re.sub(
                r'data:image/png;base64,[^"]*|aria-label="[^"]*"|<text.*?</text>', "", text
            )
            if theme is not None:
                assert LOOKS[theme].surface in text
                assert "var(" not in text
            else:
                assert "var(--plot-surface,#ffffff)" in text


def test_points_lie_where_their_numbers_say(alpha) -> None:
    drawn = alpha.plot.svg("residuals", width=400, height=200)
    numbers = alpha.plot.data("residuals")
    dots = next(
        one.attrib["d"]
        for one in ElementTree.fromstring(str(drawn)).iter(f"{SVG}path")
        if "h.01" in one.attrib["d"]
    )
    places = np.array([[float(x) for x in one.split()] for one in re.findall(r"M([\d. -]+)h", dots)])
    assert len(places) == len(numbers) == 72
    for axis, column, sign in ((0, "fitted", 1.0), (1, "standardised", -1.0)):
        values = numbers[column].to_numpy()
        assert np.corrcoef(places[:, axis], values)[0, 1] == pytest.approx(sign, abs=1e-4)
    reach = places.max(axis=0) - places.min(axis=0)
    # A twentieth is left free on either side.
    np.testing.assert_allclose(reach, [400 / 1.1, 200 / 1.1], atol=0.2)


def test_a_picture_is_printed_as_its_title_and_size(alpha) -> None:
    picture = alpha.plot.svg("qq", width=300, height=200)
    assert repr(picture).startswith("<Svg ")
    assert repr(picture).endswith(f": {picture.title}>")
    assert len(repr(picture)) < 120


def test_colours_of_cells_and_ticks() -> None:
    codes = codes_of(np.array([[0.0, 1.0, np.nan, 2.0]]), 0.0, 2.0, "sequential")
    assert codes.tolist() == [[0, 128, 0, 255]]
    assert [words for _, words in round_ticks(-2.0, 2.0, 4)] == ["−2", "−1", "0", "1", "2"]
    for low, high in ((0.0, 1e-5), (-3.3, 7.1), (1e6, 1e6 + 3.0), (0.0, 1e12)):
        ticks = round_ticks(low, high, 5)
        assert 1 <= len(ticks) <= 6
        assert all(low <= value <= high for value, _ in ticks)
        assert len({words for _, words in ticks}) == len(ticks)


def test_no_name_becomes_markup() -> None:
    hostile = '"><script>alert(1)</script>'
    frame = {"y": [1.0, 2.0, 4.0, 3.0, 5.5, 6.0], "g": [hostile, "b"] * 3, "h": list("aabbcc")}
    found = covstudio.fit("y ~ g + (1 | h)", frame)
    drawn = str(found.plot.svg("factor", by="g"))
    root = ElementTree.fromstring(drawn)
    assert all(
        one.tag in {f"{SVG}{name}" for name in ("svg", "rect", "g", "path", "text")} for one in root.iter()
    )
    assert "script" in "".join(one.text or "" for one in root.iter(f"{SVG}text"))
