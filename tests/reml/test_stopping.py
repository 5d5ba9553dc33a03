"""A fit that is watched and stopped: between iterations, with the best so far."""

from __future__ import annotations

import pickle
import threading

import pytest
import torch

from covstudio.reml import FitCancelled, Iteration, fit
from tests.reml.reml_cases import alpha_design


def test_a_cancel_token_is_asked_between_iterations() -> None:
    v, y, x = alpha_design()
    token, seen = threading.Event(), []

    def watch(iteration: Iteration) -> None:
        seen.append(iteration)
        if iteration.number == 2:
            token.set()

    with pytest.raises(
        FitCancelled, match="cancelled after 2 iterations, at a log-likelihood of -4"
    ) as caught:
        fit(v, y, x, callback=watch, cancel=token)
    best = caught.value.best
    assert best is not None
    assert [step.number for step in seen] == [0, 1, 2]
    assert best.loglik == seen[-1].loglik
    assert best.params == seen[-1].params
    copy = pickle.loads(pickle.dumps(caught.value))
    assert str(copy) == str(caught.value)
    assert copy.best.params == best.params
    # What was reached is a start to go on from.
    whole = fit(v, y, x)
    assert fit(v, y, x, start=best.theta).iterations == whole.iterations - 2


def test_a_token_that_is_set_stops_at_once_and_one_that_is_not_does_nothing() -> None:
    v, y, x = alpha_design()
    token = threading.Event()
    assert fit(v, y, x, cancel=token).converged
    token.set()
    with pytest.raises(FitCancelled, match="cancelled after 0 iterations") as caught:
        fit(v, y, x, cancel=token)
    assert caught.value.best is not None
    assert caught.value.best.number == 0


def test_a_callback_that_cancels_gets_the_best_so_far_into_its_error() -> None:
    v, y, x = alpha_design()

    def stop(iteration: Iteration) -> None:
        if iteration.number == 1:
            raise FitCancelled("enough")

    with pytest.raises(FitCancelled, match="enough") as caught:
        fit(v, y, x, callback=stop)
    assert caught.value.best is not None
    assert caught.value.best.number == 1


def test_an_iteration_carries_all_there_is_to_watch() -> None:
    v, y, x = alpha_design()
    seen: list[Iteration] = []
    fit(v, y, x, callback=seen.append)
    for step in seen:
        natural = torch.exp(2.0 * step.theta)
        assert list(step.params.values()) == pytest.approx(natural.tolist())
        assert step.score_norm >= 0.0
        assert 0.0 <= step.step <= 1.0
        assert step.halvings >= 0
        assert step.seconds > 0.0
    assert seen[-1].loglik == pytest.approx(-46.596910, abs=1e-6)
