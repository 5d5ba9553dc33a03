"""The growth of children that Potthoff and Roy analyse."""

from pathlib import Path

from covstudio.data.examples.example import EXAMPLES, Example

EXAMPLES.register(
    Example(
        name="orthodont",
        title="Growth of 27 children",
        description=(
            "Distances from the pituitary to the pterygomaxillary fissure (mm) of 16 boys and 11 girls at "
            "ages 8, 10, 12 and 14."
        ),
        source="R. F. Potthoff and S. N. Roy (1964), Biometrika 51, 313-326; Orthodont in R's nlme",
        licence="GPL (≥ 2), as R's nlme passes them on",
        file=Path(__file__).with_suffix(".csv"),
        order=70,
    )
)
