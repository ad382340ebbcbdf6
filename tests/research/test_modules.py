"""The import graph: every way of importing counts, and what no entry point reaches is an orphan."""

import subprocess
import sys

import pytest

from cli.main import COMMANDS
from research.modules import entry_points, import_graph, orphans
from tests.research.files import REPO

RUN = 'if __name__ == "__main__":\n    print()\n'


def tree(root, files):
    for name, text in files.items():
        path = root / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    "line",
    [
        "import market.bars",
        "import market.bars as b",
        "from market import bars",
        "from market.bars import Bar",
        "def f():\n    from market.bars import Bar",
        "if True:\n    import os, market.bars",
    ],
)
def test_every_way_to_import_a_module_counts(tmp_path, line):
    graph = import_graph(tree(tmp_path, {"market/bars": "", "cli/main": line}))
    assert graph["cli.main"] == {"market", "market.bars"}


def test_relative_imports_are_resolved(tmp_path):
    root = tree(tmp_path, {"market/a": "from . import b", "market/b": "from .c import x", "market/c": ""})
    graph = import_graph(root)
    assert (graph["market.a"], graph["market.b"]) == ({"market", "market.b"}, {"market", "market.c"})


def test_others_modules_and_names_that_only_look_alike_do_not_count(tmp_path):
    graph = import_graph(tree(tmp_path, {"market/bars": "import numpy, os.path", "cli/main": "import marketing.bars"}))
    assert graph == {"market": set(), "market.bars": set(), "cli": set(), "cli.main": set()}


def test_what_no_entry_point_reaches_is_an_orphan_even_where_orphans_import_each_other(tmp_path):
    chain = {"cli/main": "from market import a", "market/a": "import market.b", "market/b": ""}
    circle = {"market/lost": "import market.found", "market/found": "import market.lost"}
    root = tree(tmp_path, chain | circle)
    entries = entry_points(root, ["cli.main:main"])
    assert orphans(import_graph(root), entries) == ("market.found", "market.lost")
    assert orphans(import_graph(root), [*entries, "market.lost"]) == ()


def test_tests_reach_nothing(tmp_path):
    root = tree(tmp_path, {"cli/main": "", "market/a": "", "tests/test_a": "import market.a"})
    assert orphans(import_graph(root), entry_points(root, ["cli.main:main"])) == ("market.a",)


def test_what_is_run_rather_than_imported_is_an_entry_point(tmp_path):
    root = tree(tmp_path, {"research/sample/__main__": "", "serve/app": "", "cli/tune": "", "journal/x": RUN,
                           "journal/migrations/env": ""})  # fmt: skip
    (root / "config").mkdir()
    (root / "config" / "serve.yaml").write_text("applications:\n- name: d\n  import_path: serve.app:app\n")
    assert entry_points(root, ["cli.tune:tune"]) == {
        "research.sample.__main__", "serve.app", "cli.tune", "journal.x", "journal.migrations.env",
    }  # fmt: skip


def test_an_empty_package_is_no_orphan(tmp_path):
    tree(tmp_path, {"serve/__init__": ""})
    assert orphans(import_graph(tmp_path), ()) == ()


def test_the_graph_of_this_program_has_what_python_imports():
    code = "import sys, research.planning; print(*(m for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPO)
    graph = import_graph()
    loaded = {module for module in done.stdout.split() if module in graph}
    reached = set(graph) - set(orphans(graph, ["research.planning"]))
    assert "market.tape" in loaded
    assert loaded <= reached


def test_every_command_is_reached():
    graph = import_graph()
    lost = orphans(graph, entry_points(commands=["cli.main:main", *(target for target, _ in COMMANDS.values())]))
    assert {module for module in lost if module.startswith(("cli.", "actors.", "envs.", "journal."))} == set()
