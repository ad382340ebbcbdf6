"""Kernels as plain Python: what NUMBA_DISABLE_JIT=1 needs beside it, as a pytest plugin (`-p tests.plain_kernels`).

Compiled code wraps 64-bit integers around, as hashes want it; numpy scalars warn of it.
"""

import numpy as np
from hypothesis import settings

np.seterr(over="ignore")

# What is searched for failures is searched with compiled kernels; here it is only to be seen which lines are reached.
settings.register_profile("plain", settings.get_profile("default"), max_examples=25, deadline=None)
settings.load_profile("plain")
