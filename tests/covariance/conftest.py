"""One thread for small matrices: the tests are many and each is tiny."""

from __future__ import annotations

import torch

torch.set_num_threads(1)
