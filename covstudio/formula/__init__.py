"""Formulas of lme4, glmmTMB, nlme, ASReml-R and SAS, read into the trees and documents that they mean.

Texts are parsed and never evaluated. What is not read is refused with the word, its place and what would do.
"""

from covstudio.formula.dialect import DIALECTS, Dialect
from covstudio.formula.reading import Reading
from covstudio.formula.refusals import Refusal
from covstudio.formula.texts import read

__all__ = ["DIALECTS", "Dialect", "Reading", "Refusal", "read"]
