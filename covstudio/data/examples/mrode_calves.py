"""The calves of Mrode's examples 3.1 and 3.2."""

from pathlib import Path

from covstudio.data.examples.example import EXAMPLES, Example

EXAMPLES.register(
    Example(
        name="mrode_calves",
        title="Five calves with their pedigree",
        description=(
            "Weaning gains (kg) of five beef calves with sex, sire and dam; the second table pedigree has "
            "their parents too."
        ),
        source=(
            "R. A. Mrode (2014), Linear Models for the Prediction of Animal Breeding Values, third "
            "edition, examples 3.1 and 3.2"
        ),
        licence="five published records",
        file=Path(__file__).with_suffix(".csv"),
        relations={"pedigree": Path(__file__).with_name("mrode_pedigree.csv")},
        order=97,
    )
)
