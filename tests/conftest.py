"""What every test process needs before anything imports Ray, which reads its environment once."""

import os

from actors.local import ENVIRONMENT

for name, value in ENVIRONMENT.items():
    os.environ.setdefault(name, value)
