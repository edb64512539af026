import ast
import graphlib
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

import lik
from lik.cli.main import GROUPS, VERBS


def test_the_public_surface_is_small():
    names = (
        "Bar Edit FaceSet FailedOnTheWay Run UnusableInput evaluate grid load open_faces prepare "
        "train"
    )
    assert " ".join(lik.__all__) == names
    assert all(hasattr(lik, name) for name in lik.__all__)


@pytest.mark.parametrize(
    ("modules", "absent"),
    [
        ("lik.cli.main", "torch matplotlib sklearn cv2 PIL numpy pydantic"),
        ("lik.app.preparing, lik.app.inspecting", "torch"),
    ],
)
def test_what_answers_at_once_or_works_in_many_processes_loads_nothing_heavy(modules, absent):
    program = f"import sys, {modules}; print([m for m in {absent.split()} if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert answer.stdout.strip() == "[]", answer.stderr


PACKAGE = Path(lik.__file__).parent
TREES = {
    ".".join(["lik", *file.relative_to(PACKAGE).with_suffix("").parts]): ast.parse(file.read_text())
    for file in PACKAGE.rglob("*.py")
}
"""Every module by its name."""


def imported(tree: ast.AST) -> set[str]:
    """The modules that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            whole = all(name in TREES for name in inner)  # from a package, modules alone
            found |= {*inner} if whole else {node.module, *inner}
    return found


def test_torchvision_is_imported_nowhere():
    assert not [name for name, tree in TREES.items() if "torchvision" in imported(tree)]


def test_modules_do_not_import_each_other_in_circles():
    graph = {name.removesuffix(".__init__"): imported(tree) for name, tree in TREES.items()}
    known = {name: {other for other in found if other in graph} - {name}
             for name, found in graph.items()}  # fmt: skip
    graphlib.TopologicalSorter(known).prepare()  # raises CycleError, which names the circle


def test_verbs_import_no_verbs():
    verbs = {f"lik.cli.{verb.replace('-', '_')}" for verb in VERBS if verb not in GROUPS}
    verbs |= {f"lik.cli.{verb}_{kind}" for verb, kinds in GROUPS.items() for kind in kinds}
    for verb in verbs:
        assert not imported(TREES[verb]) & (verbs - {verb}), verb


def test_nothing_below_the_command_line_knows_a_terminal():
    for name, tree in TREES.items():
        if name.startswith("lik.cli") or name == "lik.__main__":
            continue
        tops = {module.partition(".")[0] for module in imported(tree)}
        assert not tops & {"typer", "rich", "click"}, name
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                told = node.value.replace("torchrun --nproc-per-node", "")
                option = re.search(r"(?<![\w-])--[a-z]", told)
                assert not option or name == "lik.training.environment", (name, node.value)
            assert not (isinstance(node, ast.Attribute) and node.attr == "argv"), name


def test_no_class_has_the_name_of_another():
    names = Counter(
        node.name
        for tree in TREES.values()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert not [name for name, count in names.items() if count > 1]


def test_pictures_of_the_documents_name_no_place_of_one_machine():
    for file in sorted((Path(__file__).parents[1] / "docs" / "images").glob("*.png")):
        told = " ".join(Image.open(file).text.values())
        assert " /" not in told, file.name
