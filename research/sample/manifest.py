"""The manifest: MANIFEST.json beside the files, for the catalogue, and the same as a table in README.md, for people."""

from pathlib import Path
from typing import Any, Final

import msgspec

from research.catalogue import Entry, build, file_hash, show_time
from research.sample.building import Made

BEGIN: Final = "<!-- files: written by python -m research.sample -->"
END: Final = "<!-- end of files -->"
HEAD: Final = ("file", "what", "rows", "span (UTC)", "origin", "licence", "notes", "sha256")


def write_manifest(out: Path, made: list[Made]) -> None:
    """Write MANIFEST.json, and the table in README.md where there is one with the two marks."""
    entries = {entry.path: entry for entry in build(out).entries}
    stated = {file.path: _stated(out, file, entries[file.path]) for file in made}
    text = msgspec.json.format(msgspec.json.encode(stated), indent=1).decode()
    (out / "MANIFEST.json").write_text(text + "\n", encoding="utf-8")
    readme = out / "README.md"
    if readme.is_file():
        before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
        _, ended, after = rest.partition(END)
        assert ended, f"{readme}: wanted the marks {BEGIN} and {END}"
        readme.write_text(before + BEGIN + "\n\n" + _table(stated) + "\n" + END + after, encoding="utf-8")


def _stated(out: Path, file: Made, entry: Entry) -> dict[str, Any]:
    """Return what the manifest says of one file, in the fields of the shared data's manifest."""
    first, last = (
        (show_time(end, 3) or "").replace("T", " ").removesuffix("Z") for end in (entry.first_ns, entry.last_ns)
    )
    return {
        "size": entry.size_bytes,
        "sha256": file_hash(out / file.path),
        "kind": file.kind,
        "rows": entry.rows,
        "span": f"{first} .. {last}",
        "columns": ", ".join(entry.columns),
        "tz": file.tz,
        "origin": file.origin,
        "licence": file.licence,
        "good": file.good,
        "notes": "; ".join((file.notes, *_counted(entry))),
    }


def _counted(entry: Entry) -> list[str]:
    """Count what the checks find, in the words of the shared data's manifest."""
    out = [f"price step {entry.tick_size}"]
    if entry.faults.range:
        out.append(f"{entry.faults.range} bars violate low<=open,close<=high")
    if entry.gaps is not None and entry.gaps.missing is not None:
        out.append(f"{entry.gaps.missing} missing bars inside sessions")
    return out


def _table(stated: dict[str, dict[str, Any]]) -> str:
    lines = ["| " + " | ".join(HEAD) + " |", "|---" * len(HEAD) + "|"]
    for path, fact in stated.items():
        size = f"`{path}` ({fact['size'] / 1000:,.0f} kB)"
        cells = (size, fact["kind"], f"{fact['rows']:,}", fact["span"], fact["origin"], fact["licence"])
        lines.append("| " + " | ".join((*cells, fact["notes"], f"`{fact['sha256']}`")) + " |")
    return "\n".join(lines) + "\n"
