"""Coordinates and structures that the tests of distances share."""

from __future__ import annotations

import torch

import covstudio.covariance as cov

PLANE = [[0.0, 0.0], [1.0, 0.25], [0.5, 2.0], [2.2, 1.5], [0.5, 2.0]]
SPACE = [[0.0, 0.0, 1.0], [1.0, 0.25, 0.3], [0.5, 2.0, -0.4], [2.2, 1.5, 0.8]]
LINE = [0.0, 3.0, 0.4, 1.7, 0.4]
SMALL = [[0.0, 0.0], [0.4, 0.05], [0.1, 0.5], [0.6, 0.3]]
SEA = [[52.52, 13.405], [52.53, 13.42], [52.5, 13.39], [52.55, 13.40]]


def natural(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


#: City centres, latitude and longitude in degrees.
CITIES = {
    "Berlin": (52.5200, 13.4050),
    "Paris": (48.8566, 2.3522),
    "New York": (40.7128, -74.0060),
    "London": (51.5074, -0.1278),
    "Sydney": (-33.8688, 151.2093),
    "Tokyo": (35.6762, 139.6503),
}

SIMPLE = [
    cov.ExponentialMatrix,
    cov.GaussianMatrix,
    cov.SphericalMatrix,
    cov.RationalQuadraticMatrix,
    cov.DampedCosineMatrix,
    cov.PowerMatrix,
    cov.MaternMatrix,
]
