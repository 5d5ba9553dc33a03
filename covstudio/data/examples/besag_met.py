"""The trials in several counties that Besag and Higdon analyse."""

from pathlib import Path

from covstudio.data.examples.example import EXAMPLES, Example

EXAMPLES.register(
    Example(
        name="besag_met",
        title="Maize in six counties",
        description=(
            "Yields of 64 hybrids of maize in six counties of North Carolina, 1990: in each 3 replicates "
            "of 8 incomplete blocks of 8 plots, on a field of 11 rows and 18 columns. Rows, columns, "
            "replicates and blocks have the same labels in every county; 36 plots have no yield."
        ),
        source=(
            "J. Besag and D. Higdon (1999), Journal of the Royal Statistical Society B 61, 691-746, table "
            "1; besag.met in R's agridat"
        ),
        licence="MIT",
        file=Path(__file__).with_suffix(".csv"),
        order=60,
    )
)
