"""One thread for small matrices: the tests are many and each is tiny."""

from __future__ import annotations

import warnings

import torch

torch.set_num_threads(1)

with warnings.catch_warnings():
    # torch builds its forward-mode rules on first use with a function it has itself deprecated since.
    warnings.simplefilter("ignore", DeprecationWarning)
    torch.func.jacfwd(torch.exp)(torch.zeros(1))
