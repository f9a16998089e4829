"""The shape of the project, held by tests: layers, cycles, isolation, purity, names, lengths.

Each rule is a function from a tree (path -> source) to complaints. It is asked twice: of the real
tree, which must be clean, and of a tree with one planted fault, which must be found.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("loadprofile", "subdetectors", "api")
Tree = dict[str, str]

LONGEST_FILE = 400
FORBIDDEN_NAMES = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "base",
    "core",
    "manager",
    "misc",
    "profile",
}

# A stage may import from itself and from stages before it. Stages on one line are equals and strangers.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors",),
    ("ingest", "engines"),
    ("profiles",),
    ("cube",),
    ("spool",),
    ("features",),
    ("strength",),
    ("verdicts",),
    ("signs",),
    ("space",),
    ("classify",),
    ("route",),
    ("worklist",),
    ("emulate",),
    ("models",),
    ("bills",),
    ("screening",),
    ("fleet_worklist",),
    ("fleet",),
    ("store",),
    ("cases",),
    ("training",),
    ("figures",),
    ("report",),
    ("evaluate",),
    ("learning",),
)
# ingest places rows on the cube's grid, so it may know the grid's constants.
ALLOWED_UPWARD: set[tuple[str, str]] = set()
SUBDETECTORS_SEE = {"errors", "ingest", "profiles", "features", "classify", "verdicts", "strength"}
SUBDETECTORS_SEE |= {"signs"}

# What touches the world. Everything else in loadprofile is functions on arrays.
IMPURE_STAGES = {
    "errors",
    "ingest",
    "cube",
    "spool",
    "engines",
    "models",
    "screening",
    "fleet_worklist",
    "fleet",
    "store",
    "training",
    "report",
    "evaluate",
}
WORLD = {"os", "pathlib", "time", "random", "shutil", "subprocess", "socket", "tempfile", "io", "sys", "glob"}
WORLD_CALLS = {"open", "input", "print"}
CLOCK_CALLS = {"now", "today", "utcnow"}


@cache
def parsed(source: str) -> ast.Module:
    """Eight rules look at the same files."""
    return ast.parse(source)


@cache
def real_tree() -> Tree:
    return {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for package in (*PACKAGES, "tests")
        for path in sorted((ROOT / package).rglob("*.py"))
    }


def module_of(path: str) -> str:
    parts = list(Path(path).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts)


@cache
def imports(source: str) -> tuple[tuple[str, bool], ...]:
    """(imported module, at module level) for each import; names of a `from` are joined on."""
    return tuple(_imports(parsed(source)))


def _imports(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    top = set(map(id, tree.body))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) in top
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield "." * node.level + (node.module or ""), id(node) in top
            else:
                for alias in node.names:
                    yield f"{node.module}.{alias.name}", id(node) in top


def code_of(tree: Tree) -> Tree:
    return {path: source for path, source in tree.items() if path.split("/")[0] in PACKAGES}


def stage_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def packages_keep_their_direction(tree: Tree) -> list[str]:
    may = {
        "loadprofile": {"loadprofile"},
        "subdetectors": {"loadprofile", "subdetectors"},
        "api": set(PACKAGES),
    }
    bad = []
    for path, source in code_of(tree).items():
        own = path.split("/")[0]
        for name, _ in imports(source):
            root = name.split(".")[0]
            if root in PACKAGES and root not in may[own]:
                bad.append(f"{path} imports {name}")
    return bad


def stages_keep_their_order(tree: Tree) -> list[str]:
    rank = {stage: i for i, line in enumerate(LAYERS) for stage in line}
    bad = []
    for path, source in code_of(tree).items():
        module = module_of(path)
        if not module.startswith("loadprofile."):
            continue
        own = stage_of(module)
        if own not in rank:
            bad.append(f"{path}: stage {own!r} has no place in LAYERS")
            continue
        for name, _ in imports(source):
            if not name.startswith("loadprofile."):
                continue
            other = stage_of(name)
            if other == own or other not in rank or (own, other) in ALLOWED_UPWARD:
                continue
            if rank[other] >= rank[own]:
                bad.append(f"{path} ({own}) imports {name} ({other})")
    return bad


def no_relative_or_root_imports(tree: Tree) -> list[str]:
    bad = []
    below: dict[str, set[str]] = {package: set() for package in PACKAGES}
    for path in code_of(tree):
        own, _, rest = module_of(path).partition(".")
        below[own] |= {rest.split(".")[0]} if rest else set()
    for path, source in code_of(tree).items():
        own = path.split("/")[0]
        submodules = below[own]
        for name, _ in imports(source):
            if name.startswith("."):
                bad.append(f"{path}: relative import {name}")
            parts = name.split(".")
            if (
                parts[0] == own
                and len(parts) == 2
                and parts[1] not in submodules
                and name != f"{own}.__version__"
            ):
                bad.append(f"{path} imports its own package root ({name})")
            if name == own:
                bad.append(f"{path} imports its own package root")
            if (
                parts[0] == own
                and len(parts) == 2
                and path != f"{own}/__init__.py"
                and _from_root(source, own)
            ):
                bad.append(f"{path} imports names from its own package root")
    return sorted(set(bad))


@cache
def _from_root(source: str, package: str) -> bool:
    return any(
        isinstance(node, ast.ImportFrom) and node.module == package and not node.level
        for node in ast.walk(parsed(source))
    )


def no_cycles(tree: Tree) -> list[str]:
    modules = {module_of(path): path for path in code_of(tree)}
    graph: dict[str, set[str]] = {}
    for module, path in modules.items():
        seen = set()
        for name, top in imports(tree[path]):
            if not top:
                continue
            for target in (name, name.rsplit(".", 1)[0]):
                if target in modules and target != module:
                    seen.add(target)
                    break
        graph[module] = seen
    bad, done = [], set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        if module in trail:
            bad.append(" -> ".join((*trail[trail.index(module) :], module)))
            return
        if module in done:
            return
        for other in sorted(graph[module]):
            visit(other, (*trail, module))
        done.add(module)

    for module in sorted(graph):
        visit(module, ())
    return bad


def subdetectors_are_strangers(tree: Tree) -> list[str]:
    bad = []
    for path, source in code_of(tree).items():
        if not path.startswith("subdetectors/") or path == "subdetectors/__init__.py":
            continue
        for name, _ in imports(source):
            if name.startswith("subdetectors"):
                bad.append(f"{path} sees its sibling {name}")
            if name.startswith("loadprofile") and stage_of(name) not in SUBDETECTORS_SEE:
                bad.append(f"{path} sees {name}")
    return bad


def core_is_pure(tree: Tree) -> list[str]:
    bad = []
    for path, source in code_of(tree).items():
        module = module_of(path)
        if path.startswith("api/") or stage_of(module) in IMPURE_STAGES:
            continue
        for name, _ in imports(source):
            if name.split(".")[0] in WORLD:
                bad.append(f"{path} imports {name}")
        for node in ast.walk(parsed(source)):
            if not isinstance(node, ast.Call):
                continue
            call = node.func
            if isinstance(call, ast.Name) and call.id in WORLD_CALLS:
                bad.append(f"{path}:{node.lineno} calls {call.id}")
            if isinstance(call, ast.Attribute):
                dotted = ast.unparse(call)
                legacy = dotted.rsplit(".", 1)[0] in {"np.random", "numpy.random"} and call.attr not in {
                    "default_rng", "Generator", "SeedSequence", "PCG64",
                }  # fmt: skip
                if legacy:
                    bad.append(f"{path}:{node.lineno} uses global random state: {dotted}")
                if call.attr in CLOCK_CALLS and dotted.split(".")[0] in {"datetime", "pd", "date", "dt"}:
                    bad.append(f"{path}:{node.lineno} reads the clock: {dotted}")
                if dotted.endswith("default_rng") and not node.args and not node.keywords:
                    bad.append(f"{path}:{node.lineno} draws an unseeded generator")
    return bad


def nothing_from_outside_is_unpickled(tree: Tree) -> list[str]:
    return [
        f"{path} imports {name}"
        for path, source in code_of(tree).items()
        for name, _ in imports(source)
        if name.split(".")[0] in {"pickle", "dill", "cloudpickle", "marshal", "shelve"}
        or name in {"joblib.load", "joblib.dump"}
    ]


def names_say_something(tree: Tree) -> list[str]:
    return [path for path in tree if FORBIDDEN_NAMES & set(Path(path).with_suffix("").parts)]


def files_are_short(tree: Tree) -> list[str]:
    return [
        f"{path}: {lines} lines"
        for path, source in tree.items()
        if (lines := source.count("\n")) > LONGEST_FILE
    ]


def folders_of_tests_are_no_packages(tree: Tree) -> list[str]:
    return [path for path in tree if path.startswith("tests/") and path.endswith("__init__.py")]


def no_absolute_paths(tree: Tree) -> list[str]:
    roots = tuple(f"/{name}/" for name in ("work", "home", "root", "Users", "mnt"))
    return [
        f"{path}:{node.lineno} {node.value[:40]!r}"
        for path, source in tree.items()
        for node in ast.walk(parsed(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(roots)
    ]


CLEAN: Tree = {
    "loadprofile/__init__.py": "",
    "loadprofile/errors.py": "class A(Exception): ...\n",
    "loadprofile/profiles.py": "from loadprofile.errors import A\n",
    "loadprofile/features/hourly.py": "from loadprofile.profiles import B\n",
    "subdetectors/fraud.py": "from loadprofile.verdicts import C\n",
    "subdetectors/maintenance.py": "",
    "api/cli.py": "import subdetectors.fraud\n",
}
RULES: dict[Callable[[Tree], list[str]], tuple[Tree, ...]] = {
    packages_keep_their_direction: (
        {"loadprofile/route.py": "from subdetectors.fraud import Fraud\n"},
        {"subdetectors/fraud.py": "from api.cli import main\n"},
    ),
    stages_keep_their_order: (
        {"loadprofile/profiles.py": "from loadprofile.features.hourly import x\n"},
        {"loadprofile/odds_and_ends.py": ""},
        {"loadprofile/features/hourly.py": "def f():\n    from loadprofile.route import decide\n"},
    ),
    no_relative_or_root_imports: (
        {"loadprofile/profiles.py": "from .errors import A\n"},
        {"loadprofile/profiles.py": "import loadprofile\n"},
        {"loadprofile/profiles.py": "from loadprofile import errors\n"},
    ),
    no_cycles: (
        {
            "loadprofile/features/hourly.py": "from loadprofile.features.table import x\n",
            "loadprofile/features/table.py": "from loadprofile.features.hourly import y\n",
        },
    ),
    subdetectors_are_strangers: (
        {"subdetectors/fraud.py": "from subdetectors.maintenance import M\n"},
        {"subdetectors/fraud.py": "from loadprofile.route import decide\n"},
    ),
    core_is_pure: (
        {"loadprofile/features/hourly.py": "import os\n"},
        {"loadprofile/features/hourly.py": "def f(p):\n    return open(p)\n"},
        {"loadprofile/features/hourly.py": "import numpy as np\nx = np.random.rand(3)\n"},
        {"loadprofile/features/hourly.py": "import numpy as np\nr = np.random.default_rng()\n"},
        {"loadprofile/route.py": "import datetime\nd = datetime.datetime.now()\n"},
    ),
    nothing_from_outside_is_unpickled: (
        {"loadprofile/models/store.py": "import pickle\n"},
        {"api/cli.py": "from joblib import load\n"},
    ),
    names_say_something: ({"loadprofile/utils.py": ""}, {"api/helpers/x.py": ""}),
    files_are_short: ({"loadprofile/route.py": "x = 1\n" * (LONGEST_FILE + 1)},),
    folders_of_tests_are_no_packages: ({"tests/api/__init__.py": ""},),
    no_absolute_paths: ({"api/cli.py": "p = '/" + "work/main'\n"},),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_rule(rule: Callable[[Tree], list[str]]) -> None:
    assert rule(real_tree()) == []


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        pytest.param(rule, fault, id=f"{rule.__name__}-{i}")
        for rule, f in RULES.items()
        for i, fault in enumerate(f)
    ],
)
def test_the_rule_finds_a_planted_fault(rule: Callable[[Tree], list[str]], fault: Tree) -> None:
    assert rule(CLEAN) == []
    assert rule(CLEAN | fault) != []
