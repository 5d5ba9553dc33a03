"""The row-column design that Durban and others analyse."""

from pathlib import Path

from covstudio.data.examples.example import EXAMPLES, Example

EXAMPLES.register(
    Example(
        name="durban_rowcol",
        title="Row-column design of barley",
        description=(
            "Yields of 272 genotypes of spring barley in 2 replicates, on a field of 16 rows and 34 beds "
            "with strong trends, 544 plots."
        ),
        source=(
            "M. Durban, C. A. Hackett, J. W. McNicol, A. C. Newton, W. T. B. Thomas and I. D. Currie "
            "(2003), Journal of Agricultural, Biological, and Environmental Statistics 8, 48-66; "
            "durban.rowcol in R's agridat"
        ),
        licence="MIT",
        file=Path(__file__).with_suffix(".csv"),
        order=50,
    )
)
