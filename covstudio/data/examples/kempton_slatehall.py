"""The balanced lattice of Slate Hall Farm."""

from pathlib import Path

from covstudio.data.examples.example import EXAMPLES, Example

EXAMPLES.register(
    Example(
        name="kempton_slatehall",
        title="Lattice of wheat in rows and columns",
        description=(
            "Yields of 25 varieties of spring wheat at Slate Hall Farm in 1976: 6 replicates of 5 rows "
            "and 5 columns each, in a field of 10 rows and 15 columns."
        ),
        source=(
            "R. A. Kempton and P. N. Fox (1997), Statistical Methods for Plant Variety Evaluation, p. 84; "
            "analysed by A. R. Gilmour, R. Thompson and B. R. Cullis (1995), Biometrics 51, 1440-1450; "
            "kempton.slatehall in R's agridat"
        ),
        licence="MIT",
        file=Path(__file__).with_suffix(".csv"),
        order=40,
    )
)
