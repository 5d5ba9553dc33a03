"""The heights of boys in Oxford that Goldstein analyses."""

from pathlib import Path

from covstudio.data.examples.example import EXAMPLES, Example

EXAMPLES.register(
    Example(
        name="oxboys",
        title="Heights of 26 boys",
        description="Heights (cm) of 26 boys on nine occasions; age is standardised, from -1 to 1.",
        source=(
            "H. Goldstein (1987), Multilevel Models in Educational and Social Research, p. 19; Oxboys in "
            "R's nlme"
        ),
        licence="GPL (≥ 2), as R's nlme passes them on",
        file=Path(__file__).with_suffix(".csv"),
        order=93,
    )
)
