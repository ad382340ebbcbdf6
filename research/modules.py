"""The import graph of our own modules, read from their source: what reaches what, and what nothing reaches."""

import ast
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

PACKAGES: Final = ("market", "policies", "venues", "journal", "envs", "actors", "serve", "research", "cli")
ROOT: Final = Path(__file__).resolve().parents[1]

_IMPORT_PATH: Final = re.compile(r"^\s*-?\s*import_path:\s*['\"]?([\w.]+):", re.MULTILINE)
_RUN_ITSELF: Final = re.compile(r"""^if __name__ == ["']__main__["']:""", re.MULTILINE)


def import_graph(root: Path = ROOT) -> dict[str, frozenset[str]]:
    """Return, for every module of our packages below `root`, which of them it imports, wherever it does so.

    Importing `a.b.c` also runs `a` and `a.b`, so these count as imported too.
    """
    files = dict(_modules(root))
    return {name: frozenset(_imports(name, path, files.keys()) - {name}) for name, path in files.items()}


def _modules(root: Path) -> Iterable[tuple[str, Path]]:
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def _imports(name: str, path: Path, known: Iterable[str]) -> set[str]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    wanted: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        if isinstance(node, ast.Import):
            wanted.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([node.module] if node.module else [])])
            wanted.add(base)
            wanted.update(f"{base}.{alias.name}" for alias in node.names)
    found = {module for module in wanted if module in known}
    return found | {parent for module in found for parent in _parents(module)}


def _parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:k]) for k in range(1, len(parts))]


def entry_points(root: Path = ROOT, commands: Iterable[str] = ()) -> frozenset[str]:
    """Return the modules that are run rather than imported.

    These are `commands` ("module:attribute"), every `__main__` and every module that can be run by itself, what Alembic
    loads from a folder of migrations, and what the configuration files name to Ray Serve.
    """
    named = {command.partition(":")[0] for command in commands}
    for path in sorted((root / "config").rglob("*.y*ml")):
        named.update(_IMPORT_PATH.findall(path.read_text(encoding="utf-8")))
    return frozenset(named | {name for name, path in _modules(root) if _is_run(name, path)})


def _is_run(name: str, path: Path) -> bool:
    return name.endswith(".__main__") or ".migrations." in name or bool(_RUN_ITSELF.search(path.read_text("utf-8")))


def orphans(graph: Mapping[str, frozenset[str]], entries: Iterable[str]) -> tuple[str, ...]:
    """Return the modules that no entry point reaches, in order; empty packages are no modules."""
    reached: set[str] = set()
    waiting = [parent for entry in entries for parent in (entry, *_parents(entry)) if parent in graph]
    while waiting:
        module = waiting.pop()
        if module not in reached:
            reached.add(module)
            waiting.extend(graph[module] - reached)
    packages = {parent for module in graph for parent in _parents(module)} | set(PACKAGES)
    return tuple(sorted(module for module in graph if module not in reached and module not in packages))
