"""The growth of chicks that Crowder and Hand analyse."""

from pathlib import Path

from covstudio.data.examples.example import EXAMPLES, Example

EXAMPLES.register(
    Example(
        name="chickweight",
        title="Weights of chicks on four diets",
        description=(
            "Weights (g) of 49 chicks on 4 diets at days 4, 8, 12, 16 and 20; 3 of them were lost before "
            "the end, and a fiftieth before day 4."
        ),
        source=(
            "M. J. Crowder and D. J. Hand (1990), Analysis of Repeated Measures, example 5.3; ChickWeight "
            "in R's datasets, every fourth day"
        ),
        licence="GPL (≥ 2), as R passes it on",
        file=Path(__file__).with_suffix(".csv"),
        order=92,
    )
)
