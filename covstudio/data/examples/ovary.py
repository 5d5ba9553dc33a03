"""The cycles of mares that Pierson and Ginther observed."""

from pathlib import Path

from covstudio.data.examples.example import EXAMPLES, Example

EXAMPLES.register(
    Example(
        name="ovary",
        title="Follicles of eleven mares",
        description=(
            "Numbers of ovarian follicles larger than 10 mm in 11 mares, daily from 3 days before "
            "ovulation to 3 days after the next: obs counts the days of a mare, time is 0 and 1 at the "
            "ovulations, sin_t and cos_t are its sine and cosine."
        ),
        source=(
            "R. A. Pierson and O. J. Ginther (1987), Animal Reproduction Science 14, 219-231; Ovary in "
            "R's nlme"
        ),
        licence="GPL (≥ 2), as R's nlme passes them on",
        file=Path(__file__).with_suffix(".csv"),
        order=90,
    )
)
