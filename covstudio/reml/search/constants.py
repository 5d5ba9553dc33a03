"""Every number that the search decides by, named once, with its unit and what it is for.

`docs/reml.md` has a case for each mechanism, and what fails without it. Units are

- standard errors: the length of a step in the metric of the average information, s'A^-1 s being its square;
- log-likelihood;
- rounding errors of the log-likelihood, each `ROUNDING` of its size;
- shares: of the mean diagonal of V, of a parameter's own value, of its range;
- information, of a parameter in units of its own size, or scaled to a unit diagonal;
- logarithms: how far a parameter goes on its logarithm, log 10 being ten times.
"""

from __future__ import annotations

import math

# -- the start -----------------------------------------------------------------------------------------------

#: Share of its upper end at which a correlation starts whose default is 0: there a field looks like a nugget.
CORRELATION_START = 0.3
#: Powers of 4 times its default at which a range is looked at, either way, for where V changes most with it.
RANGE_LOOKS = 10
#: The default will do where V changes with it by this share of the most.
RANGE_DEFAULT = 0.3
#: How many times where it stands a range is then tried, for the likelihood.
RANGE_TRIES = (0.25, 0.0625, 4.0)

# -- the end -------------------------------------------------------------------------------------------------

#: Squared standard errors that the uncut step may still go: 1e-8 would leave errors of 2e-5 in the estimates.
CONVERGED = 1e-12
#: The same over all others while parameters are held at the end of a ridge, which is known to 1e-6.
CONVERGED_BESIDE = 1e-8
#: And there this share of the rounding error, if that is more.
CONVERGED_BESIDE_ROUNDING = 0.2
#: Rounding error of a log-likelihood, relative to one plus its size.
ROUNDING = 1e-11
#: What is left to gain is hidden where it is less than so many rounding errors.
HIDDEN = 10.0
#: So many steps, in hiding, that did not bring s'A^-1 s below this share of its least, are enough.
IDLE_STEPS, IDLE_SHARE = 10, 0.5

# -- information that is none --------------------------------------------------------------------------------

#: Eigenvalues of the information, scaled to a unit diagonal, that count as this where they are less.
SINGULAR = 1e-9
#: A trace of the inverse of the scaled information below this tells that no eigenvalue is small.
SOUND = 1e4
#: Added to the unit diagonal when a step is solved for, so that it can be.
DAMPED = 1e-10
#: Information and score, of a parameter in units of its own size, that are rounding: V does not depend on it.
INERT, STILL = 1e-20, 1e-8

# -- the step ------------------------------------------------------------------------------------------------

#: How often a step is halved before it is damped instead, and how often a step that is damped more.
HALVINGS, HALVINGS_DAMPED = 6, 2
#: Levenberg-Marquardt factors, tried in turn.
DAMPINGS = (0.0, 1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e4, 1e6)

# -- how far a parameter may go in one step ------------------------------------------------------------------

#: Share of itself that a variance keeps; one with a diagonal slice, without which V may turn singular.
VARIANCE_KEEPS, DIAGONAL_KEEPS = 0.02, 0.1
#: A variance grows by so many times itself, or to so many times V, whichever is more.
VARIANCE_GROWS, VARIANCE_OF_V = 9.0, 10.0
#: Share of the mean diagonal of V below which a parameter that scales part of it may go to exactly 0.
NEGLIGIBLE = 1e-4
#: Share of the way to an end of its range that a correlation goes, and share of the range.
INTERVAL_WAY, INTERVAL_SHARE = 0.9, 0.25
#: From this share of its range it may go to the end.
INTERVAL_AT_END = 1e-4
#: Logarithms: how far down and up a scale goes, and a range either way.
SCALE_DOWN, SCALE_UP, RANGE_STEP = math.log(50.0), math.log(10.0), 2.0
#: Logarithms: how far what runs off along a ridge goes in the first step, at most, and at least.
FIRST_REACH, LONGEST_REACH, SHORTEST_REACH = math.log(10.0), math.log(1e4), 0.1
#: A step that went this share of it lets it grow so many times.
REACHED, REACH_GROWS = 0.99, 2.0

# -- curvature that the average information misses -----------------------------------------------------------

#: Squared standard errors from the end within which the scores of the last steps tell what is missing.
SECANT_NEAR = 0.1
#: Share of the standard errors that a step leaves from which convergence is slow.
SECANT_SLOW = 0.15
#: Cosine between the learnt change of the score and the step below which nothing is learnt.
SECANT_ANGLE = 1e-6
#: Singular values below this share of the largest are left out of the step that tells whether it is cut.
SECANT_CUT = 1e-10
#: Least eigenvalue of the corrected information, scaled to a unit diagonal.
SECANT_LEAST = 1e-9
#: After so many steps in a row that were damped, or halved more than once, second derivatives are looked at.
OVERSHOT_STEPS = 4
#: Differences for more parameters than this cost more than they save.
OBSERVED_MOST = 20
#: And for more than this where no other step raises the likelihood.
OBSERVED_LAST = 100
#: Step of the differences: conditional standard errors, and the most of a working parameter.
OBSERVED_STEP, OBSERVED_LONGEST = 1e-4, 1e-3
#: Least eigenvalue, in units of the information.
OBSERVED_LEAST = 1e-6

# -- logarithms along a ridge --------------------------------------------------------------------------------

#: After so many steps in a row that were cut short, look whether parameters run off together.
CUT_SHORT = 3
#: After so many in logarithms, they do not help.
GIVEN_UP = 6
#: Logarithms by which a parameter must have changed over these steps to run off.
STANDING = 0.2
#: Share of its range within which a correlation must be of the nearer end.
NEAR_END = 0.25

# -- the end of a ridge --------------------------------------------------------------------------------------

#: Eigenvalues of the scaled information below the first are looked at; combinations of which the data tell
#: less than the second, about the logarithm of their own lead, are a ridge.
RIDGE_WEAK, RIDGE_FLAT = 1e-3, 1e-2
#: Weight with which a parameter takes part in a combination.
RIDGE_PART = 1e-2
#: Length of a row of the combinations from which it may lead one.
RIDGE_LEAD = 0.05
#: Log-likelihood that is not worth having; or so many rounding errors, if that is more.
RIDGE_GAIN, RIDGE_ROUGH = 1e-6, 10.0
#: How far to go next: until this share of what is not worth having is left, or until a rounding error that
#: fell to this share of itself at every look hides what is left to this power.
RIDGE_SHORT, RIDGE_FADES, RIDGE_HIDES = 0.3, 0.5, 0.5
#: Logarithms below which a look further along is not worth it.
RIDGE_LOOK = 0.5
#: Log-likelihood that may be left where rounding, or a V that is singular in figures, cuts steps short; and
#: where a ridge that bends in logarithms, too, lets no long step succeed.
RIDGE_WALL, RIDGE_SLOW = 0.1, 1e-3
#: Logarithms that a step by the information goes where it leads to no maximum; and information that is none.
RIDGE_ENDLESS, RIDGE_NOTHING = 5.0, 1e-300
#: Logarithms by which parameters are moved where nothing may show, to see rounding: once V is so many times
#: as large as where logarithms began.
TREMBLE, GROWN = 1e-12, 1e3
#: Logarithms to look back, or ahead, for what a ridge has gained.
FAR = (4.0, 8.0, 12.0)

# -- where derivatives do not help ---------------------------------------------------------------------------

#: How often the search may go on from a place where the score vanished, so that it does not go in circles.
RESTARTS = 5
#: Rounding errors by which a place must be better.
RESTART_GAIN = 100.0
#: Logarithms that a scale or a range must have shrunk by in one step for its far side, or 0, to be tried.
SHRINKING = 1.0
#: Log-likelihood that rounding may hide before V counts as all but singular.
ROUGH = 1e-7
#: Share of V, or of its range, to which a parameter that makes it so is put back; and share of the way to its
#: end that is left at each stage.
AWAY, CLOSER = 1e-2, 1e-2
#: Share of its range left to a correlation below which others have more figures beside it farther away.
BLURRED = 2e-10
#: Share of its range left to a correlation where what the data leave of it is looked at.
LOOKED_AT = 1e-6
#: Squared standard errors within which the others then stand at their maximum beside it.
BESIDE_SINGULAR = 1e-4
#: How many times as far from its end as it had gone it is returned to.
BACK = tuple(10.0**power for power in range(13))
#: It goes on to 0 without end where from the first of these times its value the log-likelihood gained this
#: share of what it gained before, from the second: all but the same, while near a maximum it is a half.
APPROACH, ENDLESS = (4.0, 16.0), 0.75
#: Below this information about its logarithm, a range that goes on shrinking is as good as 0.
RANGE_FLAT = 1e-4
#: Share of the mean diagonal of V up to which a scale stands at 0; and shares at which it is looked at then.
AT_ZERO, OFF_ZERO = 1e-6, (1e-2, 1e-4)
#: Powers of 4 at which a range that V does not depend on is looked at.
RANGE_POWERS = (*range(1, 13), *range(-1, -13, -1))
#: Share of V that a variance of 0 is given, with its correlations at these shares of their ends.
AWAKE, AWAKE_CORRELATIONS = 1e-2, (0.3, 0.8)
