"""The two colour ramps of every heatmap, computed once for light and for dark surfaces.

Zero is transparent, so that it looks like whatever surface the heatmap lies on. The ramp for non-negative
matrices is the positive half of the diverging one: a correlation that crosses zero does not change the
colour of its neighbours. Lightness runs one way along each arm, indigo against orange, which readers with
any colour vision can tell apart.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Ramp = npt.NDArray[np.uint8]

#: Anchors from near zero to the limit, spaced evenly.
_POSITIVE = {
    "light": ("#eef0fd", "#c3cbf6", "#8f9bee", "#5c63d8", "#4038b0", "#271a75"),
    "dark": ("#1d2040", "#2f3579", "#4a52c0", "#7880f0", "#a3abfa", "#d0d6ff"),
}
_NEGATIVE = {
    "light": ("#fdf1e4", "#f7cd9d", "#ea9d52", "#c76a1c", "#94470d", "#5c2406"),
    "dark": ("#33210f", "#643a10", "#a35c14", "#dc8a35", "#efb06c", "#fadcb4"),
}
THEMES = ("light", "dark")
#: Below this share of the limit a colour blends into the surface.
_FADE_IN = 0.06


def _linear(srgb: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _encoded(linear: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


#: OKLab, where equal steps look equal: https://bottosson.github.io/posts/oklab/ (public domain)
_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def _ramp(anchors: tuple[str, ...], steps: int) -> npt.NDArray[np.float64]:
    rgb = np.array([[int(a[i : i + 2], 16) / 255 for i in (1, 3, 5)] for a in anchors])
    lab = np.cbrt(_linear(rgb) @ _TO_LMS.T) @ _TO_LAB.T
    at, knots = np.linspace(0, 1, steps), np.linspace(0, 1, len(anchors))
    mixed = np.stack([np.interp(at, knots, lab[:, k]) for k in range(3)], axis=1)
    lms = (mixed @ np.linalg.inv(_TO_LAB).T) ** 3
    return _encoded(lms @ np.linalg.inv(_TO_LMS).T)


def _opacity(share: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.clip(share / _FADE_IN, 0, 1)


@lru_cache
def table(scale: str, theme: str) -> Ramp:
    """The 256 RGBA colours of one scale.

    Args:
        scale: "sequential" (code 0 is zero, 255 the limit) or "diverging" (128 is zero, 1 and 255
            the limits).
        theme: "light" or "dark".

    Returns:
        (256, 4) uint8, straight alpha.

    Example:
        >>> table("diverging", "light")[128].tolist()[3]
        0
        >>> bool((table("sequential", "dark")[255] == table("diverging", "dark")[255]).all())
        True
    """
    code = np.arange(256)
    share = code / 255 if scale == "sequential" else np.clip((code - 128) / 127, -1, 1)
    fine = 1024
    positive, negative = _ramp(_POSITIVE[theme], fine), _ramp(_NEGATIVE[theme], fine)
    index = np.rint(np.abs(share) * (fine - 1)).astype(int)
    rgb = np.where((share >= 0)[:, None], positive[index], negative[index])
    colours: Ramp = np.rint(np.column_stack([rgb, _opacity(np.abs(share))]) * 255).astype(np.uint8)
    return colours


def palette(scale: str, theme: str, surface: str) -> list[str]:
    """The same colours as opaque hexadecimal strings over a surface colour, for plots that want a list."""
    under = np.array([int(surface[i : i + 2], 16) for i in (1, 3, 5)])
    rgba = table(scale, theme).astype(float)
    alpha = rgba[:, 3:] / 255
    mixed = np.rint(rgba[:, :3] * alpha + under * (1 - alpha)).astype(int)
    return ["#{:02x}{:02x}{:02x}".format(*colour) for colour in mixed]
