"""The split plot that Yates analyses."""

from pathlib import Path

from covstudio.data.examples.example import EXAMPLES, Example

EXAMPLES.register(
    Example(
        name="oats_yates",
        title="Split plot of oats",
        description=(
            "Yields of oats at Rothamsted in 1931: 6 blocks of 3 whole plots with a variety each, and 4 "
            "amounts of nitrogen (N, in hundredweight per acre nitro) on the subplots of every whole "
            "plot, 72 in all."
        ),
        source=(
            "F. Yates (1935), Complex experiments, Supplement to the Journal of the Royal Statistical "
            "Society 2, 181-247; Oats in R's nlme"
        ),
        licence="GPL (≥ 2), as R's nlme passes them on",
        file=Path(__file__).with_suffix(".csv"),
        order=20,
    )
)
