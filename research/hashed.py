"""Files that are named by what is in them: canonical JSON under the SHA-256 of its bytes."""

import hashlib
from pathlib import Path
from typing import Any

from policies.plan import canonical


def save_hashed(folder: Path, value: Any) -> Path:
    """Write a value below `folder`, named by its hash; return the path. The same one is the same file."""
    content = canonical(value)
    path = folder / f"{hashlib.sha256(content).hexdigest()}.json"
    folder.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_bytes(content)
    draft.replace(path)
    return path


def read_hashed(path: Path, refusal: type[ValueError]) -> tuple[str, bytes]:
    """Return (hash, bytes) of a file; `refusal` when it cannot be read, or its bytes are not what its name says."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise refusal(f"{path}: cannot be read ({error.strerror})") from error
    found = hashlib.sha256(content).hexdigest()
    if path.stem != found:
        raise refusal(f"{path}: its bytes have the SHA-256 {found}, its name says another: changed or renamed")
    return found, content
