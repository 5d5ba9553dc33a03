"""Readings of the large plot: values, correlations, logarithms."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from covstudio.studio.matrix.cell_values import INK, cell_values
from covstudio.studio.matrix.reading import modes_of, read


def test_correlations_are_those_of_the_matrix() -> None:
    v = torch.tensor([[4.0, 1.0], [1.0, 9.0]], dtype=torch.float64).numpy()
    reading = read("V", v, "correlation", True)
    assert reading.cells.ravel().tolist() == pytest.approx([1.0, 1 / 6, 1 / 6, 1.0])
    assert (reading.low, reading.high, reading.scale) == (0.0, 1.0, "sequential")


def test_readings_that_do_not_suit_fall_back_to_the_values() -> None:
    assert modes_of("V", np.eye(2)) == ("value", "correlation", "log")
    assert modes_of("slice:rho", np.eye(2)) == ("value", "log")
    assert modes_of("node:z", np.ones((3, 2))) == ("value", "log")
    assert modes_of("V", np.diag([1.0, 0.0])) == ("value", "log")
    assert read("V", np.diag([1.0, 0.0]), "correlation", True).mode == "value"


def test_logarithms_leave_zero_blank() -> None:
    reading = read("V", np.array([[100.0, 0.0], [0.0, -0.1]]), "log", True)
    assert np.isnan(reading.cells[0, 1])
    assert (reading.low, reading.high) == (-1.0, 2.0)
    assert read("V", np.zeros((2, 2)), "log", True).high == 1.0


def test_a_large_matrix_is_read_cell_by_cell_with_its_places() -> None:
    matrix = np.zeros((1000, 1000))
    matrix[777, 3] = 2.0
    for settled, size in ((True, 500), (False, 200)):  # blocks of 2 and of 5
        reading = read("V", matrix, "value", settled)
        assert reading.cells.shape == (size, size)
        cell = np.unravel_index(int(reading.cells.argmax()), reading.cells.shape)
        assert (reading.rows[cell], reading.cols[cell]) == (777, 3)


def test_values_are_written_where_each_fits_its_cell() -> None:
    reading = read("V", np.array([[4.0, -1.5], [-1.5, 0.001234]]), "value", True)
    values = cell_values(reading, 200, 200, "light")
    assert list(zip(values["y"], values["x"], values["text"], strict=True)) == [
        (1, 1, "4"),
        (1, 2, "−1.5"),
        (2, 1, "−1.5"),
        (2, 2, "0.00123"),
    ]
    pale, strong = INK["light"]
    assert values["color"] == [strong, pale, pale, pale]
    assert cell_values(reading, 90, 200, "light")["text"] == []
    assert cell_values(reading, 200, 30, "light")["text"] == []
    assert cell_values(read("V", np.eye(11), "value", True), 2000, 2000, "dark")["text"] == []


def test_a_logarithm_of_zero_has_no_text() -> None:
    reading = read("V", np.array([[100.0, 0.0]]), "log", True)
    assert cell_values(reading, 200, 40, "dark")["text"] == ["2", ""]
