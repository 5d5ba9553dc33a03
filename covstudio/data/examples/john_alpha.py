"""The alpha design that John and Williams analyse.

Genotypes `gen`, replicates `rep` of six blocks `block` of four plots, `yield`; `plot`, `row` and `col` give
the layout. Block labels repeat in every replicate, so the block effect is `rep` x `block`, 18 levels.
"""

from pathlib import Path

from covstudio.data.examples.example import EXAMPLES, Example

EXAMPLES.register(
    Example(
        name="john_alpha",
        title="Alpha design of spring oats",
        description=(
            "Yields of 24 genotypes of spring oats at Craibstone near Aberdeen: 3 replicates of 6 "
            "incomplete blocks of 4 plots, 72 plots in all. Block labels repeat in every replicate, so a "
            "block is known by replicate and block together."
        ),
        source=(
            "J. A. John and E. R. Williams (1995), Cyclic and Computer Generated Designs, p. 146; "
            "john.alpha in R's agridat"
        ),
        licence="MIT",
        file=Path(__file__).with_suffix(".csv"),
        order=10,
    )
)
