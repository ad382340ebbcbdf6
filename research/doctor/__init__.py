"""The doctor: looks at this machine, this home and this data, and says what to do about what it finds.

It changes nothing; the catalogue's cache in a home that is there already is all that it writes. `machine`, `clock`,
`places` and `processes` hold the looks; each takes what it looks at as an argument.
"""

from research.doctor.examining import Examination, examine

__all__ = ["Examination", "examine"]
