"""Heavy metals in the flood plain of the river Meuse."""

from pathlib import Path

from covstudio.data.examples.example import EXAMPLES, Example

EXAMPLES.register(
    Example(
        name="meuse",
        title="Zinc in the soil of a flood plain",
        description=(
            "Zinc (mg/kg) in the topsoil of 155 places near Stein in the Netherlands; x and y are "
            "coordinates in metres, logzinc the logarithm of zinc."
        ),
        source=(
            "M. G. J. Rikken and R. P. G. van Rijn (1993), Soil pollution with heavy metals, Utrecht "
            "University; P. A. Burrough and R. A. McDonnell (1998), Principles of Geographical "
            "Information Systems; meuse in R's sp"
        ),
        licence="GPL (≥ 2), as R's sp passes it on",
        file=Path(__file__).with_suffix(".csv"),
        order=94,
    )
)
