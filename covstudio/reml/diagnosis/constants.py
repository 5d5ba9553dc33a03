"""Every number that the diagnosis of a fit decides by, named once."""

from __future__ import annotations

# -- what the data do not tell -------------------------------------------------------------------------------

#: Eigenvalues of the information, scaled to a unit diagonal, below this: the data do not tell a combination.
IDENTIFIABLE = 1e-8
#: A parameter takes part in a combination with more than this weight, squared.
PART = 1e-4
#: Correlation of two parameters' weights from which they belong to one group.
TOGETHER = 1e-3
#: Curvature of the likelihood along such a combination, in the same units, that shows the opposite.
CURVED = 1e-4
#: How far the score is differenced for that: share of the room on both sides, and on one where there is one.
DIFFERENCE, DIFFERENCE_ONE_SIDED = 1e-3, 1e-4
#: A score below so many times the root of the information does not keep a parameter at an end of its range.
LEVEL = 1e-5
#: A scale that ended at 0 is set to this share of the mean diagonal of V, to look at it from inside; and the
#: others get so many steps to follow.
BESIDE, CLIMB = 1e-2, 30
#: A likelihood counts as the same along a combination while it changes by no more than this share.
SAME = 1e-9
#: How far that is looked at: share of the room in natural values, and logarithms.
STRAIGHT, BENT = 0.5, 0.7

# -- in words ------------------------------------------------------------------------------------------------

#: More estimable combinations than this are counted, not listed.
LISTED = 3
#: Coefficients below this share of the largest are rounding; those so close to whole numbers are whole.
COEFFICIENT, WHOLE = 1e-6, 1e-4
#: Exponents this close to a multiple of a quarter are that: what is left dies out along the ridge.
DYING = 0.03
