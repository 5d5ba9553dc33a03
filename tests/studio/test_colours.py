"""Codes of cells, and the colours they stand for."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from covstudio.plots.colours import THEMES, palette, table
from covstudio.plots.raster import block_size, extreme, locate, shrink
from covstudio.studio.matrix.plot import INK
from covstudio.studio.matrix.quantise import Values, coarser, quantise
from covstudio.studio.session.resources import read_asset


def test_sparse_entries_survive_shrinking() -> None:
    matrix = np.zeros((997, 997))
    matrix[13, 700] = 0.5
    matrix[700, 13] = -0.25
    small = shrink(matrix, block_size(matrix.shape, 60))
    assert small.shape == (59, 59)
    assert (small.max(), small.min(), np.count_nonzero(small)) == (0.5, -0.25, 2)


@pytest.mark.parametrize(("n", "m", "pixels"), [(7, 7, 3), (100, 40, 64), (500, 3, 250), (1, 900, 96)])
def test_shrinking_shows_each_block_by_its_extreme(n: int, m: int, pixels: int) -> None:
    matrix = np.random.default_rng(n).normal(size=(n, m))
    size = block_size(matrix.shape, pixels)
    small = shrink(matrix, size)
    assert max(small.shape) <= pixels
    values, rows, cols = locate(matrix, size)
    for i in range(small.shape[0]):
        for j in range(small.shape[1]):
            block = matrix[i * size : (i + 1) * size, j * size : (j + 1) * size].ravel()
            assert small[i, j] == block[np.abs(block).argmax()]
    assert np.array_equal(np.abs(small), np.abs(values))
    assert np.array_equal(matrix[rows, cols], values)
    for cell in ((0, 0), (small.shape[0] - 1, small.shape[1] - 1)):
        assert extreme(matrix, size * cell[0], size * cell[1], size) == (rows[cell], cols[cell])


@pytest.mark.parametrize("factor", [1.0, 2.5, -0.3, 0.0])
@pytest.mark.parametrize(("n", "m"), [(1000, 1000), (601, 37), (37, 601), (5, 5)])
def test_a_factor_and_several_sizes_at_once_give_the_pictures_of_the_matrix(
    n: int, m: int, factor: float
) -> None:
    matrix = np.random.default_rng(n).normal(size=(n, m)) - 0.5
    values = Values.of(matrix, factor)
    known = values.extremes({block_size(matrix.shape, pixels) for pixels in (250, 96, 7)})
    for pixels in (250, 96, 7):
        expected = quantise(matrix * factor + 0.0, pixels, 0.5)  # no -0.0
        assert quantise(values, pixels, 0.5) == expected
        assert quantise(values, pixels, 0.5, known) == expected
    size = block_size(matrix.shape, 96)
    small = {3 * size: coarser(values.extremes({size})[size], 3)}
    assert quantise(values, max(n, m) // (2 * size), 0.5, small) == quantise(
        matrix * factor + 0.0, math.ceil(max(n, m) / (3 * size)), 0.5
    )
    assert np.array_equal(values.whole(), matrix * factor)
    both = matrix @ matrix.T
    for pixels in (250, 96, 7):
        assert quantise(Values.of(both, factor, symmetric=True), pixels) == quantise(
            both * factor + 0.0, pixels
        )


def test_of_equal_entries_the_first_is_read() -> None:
    matrix = np.zeros((7, 7))
    matrix[1, 2] = matrix[2, 0] = matrix[5, 5] = -3.0
    matrix[4, 6] = 3.0
    values, rows, cols = locate(matrix, 3)
    assert [(rows[0, 0], cols[0, 0]), (rows[1, 1], cols[1, 1])] == [(1, 2), (5, 5)]
    assert (rows[1, 2], cols[1, 2], values[1, 2]) == (4, 6, 3.0)
    assert extreme(matrix, 0, 0, 3) == (1, 2)
    holes = np.full((4, 4), np.nan)
    holes[1, 1] = 0.5
    values, rows, cols = locate(holes, 2)
    assert (values[0, 0], rows[0, 0], cols[0, 0]) == (0.5, 1, 1)
    assert np.isnan(values[1, 1])


@pytest.mark.parametrize("n", [40, 706])
@pytest.mark.parametrize("pixels", [36, 56, 96, 144, 250])
def test_diagonals_stay_straight(n: int, pixels: int) -> None:
    """Each cell of a line beside the diagonal is as far from it as the matrix says."""
    for offset in (0, n // 4, n // 2):
        matrix = np.eye(n, k=offset)
        tile = quantise(matrix, pixels)
        codes = np.frombuffer(tile.codes, np.uint8).reshape(tile.rows, tile.cols)
        rows, cols = np.nonzero(codes)
        assert set(rows) == set(range(-(-(n - offset) // tile.block)))
        ends = {offset // tile.block, -(-offset // tile.block)}
        assert set(cols - rows) <= ends


@pytest.mark.parametrize("value", [0.0, 1e-320, 1e-200, 1.0, 1e300])
def test_codes_of_any_magnitude(value: float) -> None:
    tile = quantise(np.full((2, 2), value), 8)
    assert tile.scale == "sequential"
    assert set(tile.codes) == ({255} if value > 1e-300 else {0})


def test_zero_is_128_in_a_signed_matrix_and_the_limits_are_symmetric() -> None:
    tile = quantise(np.array([[2.0, 0.0], [-1.0, -2.0]]), 8)
    assert (tile.scale, list(tile.codes)) == ("diverging", [255, 128, 65, 1])


@pytest.mark.parametrize("theme", THEMES)
def test_zero_is_the_surface_and_lightness_runs_one_way(theme: str) -> None:
    surface = {"light": "#ffffff", "dark": "#16191f"}[theme]
    for scale, zero in (("sequential", 0), ("diverging", 128)):
        assert table(scale, theme)[zero, 3] == 0
        colours = palette(scale, theme, surface)
        assert colours[zero] == surface
        light = [_luminance(colour) for colour in colours]
        arms = [light[zero:]] if zero == 0 else [light[zero:], light[zero::-1]]
        for arm in arms:
            steps = np.diff(arm)
            assert (steps <= 1e-3).all() if theme == "light" else (steps >= -1e-3).all()
            assert abs(arm[-1] - arm[0]) > 0.55


def test_the_plot_knows_the_surfaces_of_the_theme() -> None:
    css = read_asset("theme.css")
    light, dark = css.split(':root[data-cs-theme="dark"]', 1)
    for theme, rules in (("light", light), ("dark", dark)):
        muted, border, surface = (
            re.search(rf"--cs-{name}: (#[0-9a-f]{{6}})", rules)[1]  # type: ignore[index]
            for name in ("muted", "border", "surface")
        )
        assert INK[theme] == (muted, border, surface)


def _luminance(colour: str) -> float:
    rgb = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))
