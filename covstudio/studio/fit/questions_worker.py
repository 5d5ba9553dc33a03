"""Questions about a fit that take refits, as tasks for the workers: profile likelihoods, tests of terms.

Like `worker.py` it imports nothing of Panel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from covstudio.studio.fit.worker import Answered, Outcome, Reporter, Working, stop_where_asked


@dataclass(frozen=True)
class Profiling:
    """Profile likelihoods of parameters.

    Args:
        fit: the `covstudio.reml.Fit` of the model.
        names: paths of the parameters.
    """

    fit: Any
    names: tuple[str, ...]

    def run(self, text: str, report: Reporter, stopped: Callable[[], bool]) -> Outcome:
        """Profile one after the other; each is reported with its `Profile`, or why there is none."""
        from covstudio.document.files.write import loads
        from covstudio.estimate import assemble
        from covstudio.estimate.inferred import bound
        from covstudio.estimate.profiled import Asked, profile

        parts = assemble(*loads(text))
        told = bound(parts, self.fit)
        for name in self.names:
            stop_where_asked(stopped)
            count = 0
            report(Working(name, count))

            def watch(point: object, name: str = name) -> None:
                nonlocal count
                count += 1
                report(Working(name, count))

            try:
                answer: object = profile(parts, self.fit, name, watch, Asked(stopped), told)
            except (ValueError, ArithmeticError) as error:
                answer = str(error)
            report(Answered(name, answer))
        return Outcome()


@dataclass(frozen=True)
class Omitting:
    """Likelihood-ratio tests of terms of V.

    Args:
        fit: the `covstudio.reml.Fit` of the model.
        names: of the terms.
    """

    fit: Any
    names: tuple[str, ...]

    def run(self, text: str, report: Reporter, stopped: Callable[[], bool]) -> Outcome:
        """Fit without each of the terms; each is reported with its `Omission`."""
        from covstudio.document.files.write import loads
        from covstudio.estimate import assemble
        from covstudio.estimate.omitted import omit

        parts = assemble(*loads(text))
        for name in self.names:
            stop_where_asked(stopped)
            report(Working(name, 0))

            def watch(iteration: Any, name: str = name) -> None:
                report(Working(name, int(iteration.number)))
                stop_where_asked(stopped)

            report(Answered(name, omit(parts, self.fit, name, watch)))
        return Outcome()
