"""Designs, and what they will tell, before there are data."""

from covstudio.design.comparison import ComparedDesigns, compare_designs
from covstudio.design.expectation import Expected, Power
from covstudio.design.identifiability import Identifiability, Untold
from covstudio.design.layouts.complete import completely_randomised, latin_square, nested, randomised_blocks
from covstudio.design.layouts.incomplete import alpha, augmented, incomplete_blocks, row_column
from covstudio.design.layouts.plots import ImpossibleDesign, missing, trials
from covstudio.design.layouts.repeated import repeated_measures, split_plot

__all__ = [
    "ComparedDesigns",
    "Expected",
    "Identifiability",
    "ImpossibleDesign",
    "Power",
    "Untold",
    "alpha",
    "augmented",
    "compare_designs",
    "completely_randomised",
    "incomplete_blocks",
    "latin_square",
    "missing",
    "nested",
    "randomised_blocks",
    "repeated_measures",
    "row_column",
    "split_plot",
    "trials",
]
