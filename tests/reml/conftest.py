"""Tests of estimation: one thread, as the matrices are small and the tests many."""

from __future__ import annotations

import torch

torch.set_num_threads(1)
