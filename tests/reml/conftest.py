"""Tests of estimation: one thread, as the matrices are small and the tests many."""

from __future__ import annotations

import pytest
import torch

# What these modules assert is told with its values, as in the tests themselves.
pytest.register_assert_rewrite("engine_cases", "mme_cases", "reml_cases", "repeated_cases", "separable_cases")

torch.set_num_threads(1)
