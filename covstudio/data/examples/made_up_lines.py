"""Lines with markers; simulated, nothing was observed."""

from pathlib import Path

from covstudio.data.examples.example import EXAMPLES, Example

EXAMPLES.register(
    Example(
        name="made_up_lines",
        title="Made-up lines with markers",
        description=(
            "SIMULATED, nothing was observed: 60 lines in 2 replicates, their yields the sum of the "
            "effects of 100 markers and noise; the second table markers has the counts of one allele."
        ),
        source="simulated",
        licence="BSD-3-Clause",
        file=Path(__file__).with_suffix(".csv"),
        relations={"markers": Path(__file__).with_name("made_up_markers.csv")},
        order=98,
    )
)
