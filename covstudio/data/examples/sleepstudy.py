"""The sleep deprivation study of Belenky and others."""

from pathlib import Path

from covstudio.data.examples.example import EXAMPLES, Example

EXAMPLES.register(
    Example(
        name="sleepstudy",
        title="Reaction times of sleepy drivers",
        description=(
            "Average reaction times (ms) of 18 lorry drivers on 10 days, with 3 hours in bed a night from "
            "day 2 on."
        ),
        source="G. Belenky et al. (2003), Journal of Sleep Research 12, 1-12; sleepstudy in R's lme4",
        licence="GPL (≥ 2), as R's lme4 passes it on",
        file=Path(__file__).with_suffix(".csv"),
        order=80,
    )
)
