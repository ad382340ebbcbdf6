"""The packaged sample: real bars cut from licensed sources, and seeded scenarios inside them.

`python -m research.sample` builds it; `data/README.md` describes it. `building` says what there is; `bridge` fits a
path to a bar; `minutes` puts minutes into hours; `moves`, `venues`, `dislocations` and `scenario` make two venues.
"""

from research.sample.building import build_sample, sources

__all__ = ["build_sample", "sources"]
