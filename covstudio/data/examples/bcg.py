"""The trials of BCG vaccine against tuberculosis that Colditz and others combine."""

from pathlib import Path

from covstudio.data.examples.example import EXAMPLES, Example

EXAMPLES.register(
    Example(
        name="bcg",
        title="Thirteen trials of a vaccine",
        description=(
            "Log relative risks (y) of tuberculosis with BCG vaccine and without in 13 trials, with their "
            "sampling variances and the latitude of each."
        ),
        source=(
            "G. A. Colditz et al. (1994), Journal of the American Medical Association 271, 698-702; "
            "dat.colditz1994 in R's metadat, effects as R's metafor computes them"
        ),
        licence="GPL (≥ 2), as R's metadat passes it on",
        file=Path(__file__).with_suffix(".csv"),
        order=96,
    )
)
