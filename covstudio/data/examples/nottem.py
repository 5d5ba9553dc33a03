"""Monthly temperatures at Nottingham Castle."""

from pathlib import Path

from covstudio.data.examples.example import EXAMPLES, Example

EXAMPLES.register(
    Example(
        name="nottem",
        title="Temperatures of twenty years",
        description=(
            "Mean air temperatures (degrees Fahrenheit) at Nottingham Castle in the 240 months from 1920 "
            "to 1939; time is in years."
        ),
        source=(
            "O. D. Anderson (1976), Time Series Analysis and Forecasting: The Box-Jenkins Approach, "
            "series R; nottem in R's datasets"
        ),
        licence="GPL (≥ 2), as R passes it on",
        file=Path(__file__).with_suffix(".csv"),
        order=95,
    )
)
