"""The Nebraska wheat nursery that Stroup, Baenziger and Mulitze analyse."""

from pathlib import Path

from covstudio.data.examples.example import EXAMPLES, Example

EXAMPLES.register(
    Example(
        name="stroup_nin",
        title="Wheat nursery in blocks, with its field",
        description=(
            "Yields of 56 genotypes of wheat at Alliance, Nebraska, 1988/89, in 4 complete blocks on a "
            "field of 22 rows and 11 columns; 18 plots of the field were not harvested and have no yield "
            "and no block."
        ),
        source=(
            "W. W. Stroup, P. S. Baenziger and D. K. Mulitze (1994), Crop Science 34, 62-66; stroup.nin "
            "in R's agridat"
        ),
        licence="MIT",
        file=Path(__file__).with_suffix(".csv"),
        order=30,
    )
)
