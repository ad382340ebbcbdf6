"""Kernels as plain Python: what NUMBA_DISABLE_JIT=1 needs beside it, as a pytest plugin (`-p tests.plain_kernels`).

Compiled code wraps 64-bit integers around, as hashes want it; numpy scalars warn of it.
"""

import numpy as np

np.seterr(over="ignore")
