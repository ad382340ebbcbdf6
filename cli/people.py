"""Who acts, and why: what every command that stands in the record for good asks for."""

import getpass


def who_of(name: str | None) -> str:
    """Return who acts: as said, else the user of this session."""
    if name is None:
        try:
            return getpass.getuser()
        except (KeyError, OSError):
            raise ValueError("--who is missing, and this session has no user name; a name is allowed") from None
    if not name.strip():
        raise ValueError("--who is empty; a name is allowed")
    return name.strip()


def reason_of(words: str | None, what: str) -> str:
    """Return the reason; ValueError where there is none, naming `what` it is asked for."""
    if words is None or not words.strip():
        raise ValueError(f"--reason is missing; why {what} is allowed")
    return words.strip()
