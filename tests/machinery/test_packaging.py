"""The project's metadata, constraints and pages."""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path

import pytest
from airflow.sdk import BaseOperator
from packaging.requirements import Requirement
from packaging.version import Version
from trove_classifiers import classifiers as known_classifiers

import airflow_provider_directcall
from airflow_provider_directcall.provider_info import get_provider_info
from tools.constraints import MINORS

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
CONSTRAINTS = sorted((ROOT / "constraints").glob("airflow-*.txt"))
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
GROUPS = PYPROJECT["dependency-groups"]
DIRECT = [Requirement(text) for text in [*PROJECT["dependencies"], *GROUPS["dev"], *GROUPS["browser"]]]


def pins(path: Path) -> list[Requirement]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if not line.startswith("#")]


def object_references() -> list[str]:
    groups = [*PROJECT["entry-points"].values(), PROJECT["scripts"]]
    return [reference for group in groups for reference in group.values()]


def registry_classes() -> list[str]:
    text = (ROOT / ".airflow-registry.yaml").read_text(encoding="utf-8")
    return re.findall(r"^ +- module: (\S+)$", text, flags=re.MULTILINE)


def is_public_task(member: object) -> bool:
    return isinstance(member, type) and issubclass(member, BaseOperator) and member.__name__.startswith("Directcall")


def relative_links(page: Path) -> list[str]:
    prose = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", prose)
    return [target.split("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)]


@pytest.mark.parametrize("reference", object_references())
def test_every_entry_point_leads_to_something(reference: str) -> None:
    module, _, attribute = reference.partition(":")

    found = importlib.import_module(module)

    assert not attribute or callable(getattr(found, attribute))


def named(path: str) -> object:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def test_the_registry_file_names_classes_that_exist() -> None:
    paths = registry_classes()
    assert paths
    for path in paths:
        assert callable(named(path)), path


def test_the_registry_file_names_every_operator_and_sensor() -> None:
    info = get_provider_info()
    modules = [name for kind in ("operators", "sensors") for each in info[kind] for name in each["python-modules"]]
    members = [member for name in modules for member in vars(importlib.import_module(name)).values()]
    public = {each for each in members if is_public_task(each)}
    assert {named(path) for path in registry_classes() if re.search(r"\.(operators|sensors)\.", path)} == public


def test_the_changelog_begins_with_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[(\d[^\]]*)\]", changelog, flags=re.MULTILINE)

    assert versions[0] == airflow_provider_directcall.__version__


def test_classifiers_are_those_that_an_index_accepts() -> None:
    assert set(PROJECT["classifiers"]) <= known_classifiers


def test_the_licence_is_an_expression_and_its_files_are_there() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    assert not [line for line in PROJECT["classifiers"] if line.startswith("License ::")]
    for name in PROJECT["license-files"]:
        assert (ROOT / name).read_text(encoding="utf-8").strip(), name


def test_there_is_a_constraints_file_for_each_supported_minor() -> None:
    assert [path.stem for path in CONSTRAINTS] == [f"airflow-{minor}" for minor in MINORS]


@pytest.mark.parametrize("path", CONSTRAINTS, ids=lambda path: path.stem)
class TestConstraints:
    def test_hold_pins_and_comments_only(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        assert "://" not in text
        for line in text.splitlines():
            assert re.fullmatch(r"#.*|[a-z0-9-]+==[0-9][^\s;/@]*( ; [^/@]+)?", line), line

    def test_say_how_to_renew_them(self, path: Path) -> None:
        assert "make constraints" in path.read_text(encoding="utf-8")

    def test_pin_the_airflow_of_their_name(self, path: Path) -> None:
        (airflow,) = [pin for pin in pins(path) if pin.name == "apache-airflow"]
        minor = path.stem.removeprefix("airflow-")

        assert str(airflow.specifier).startswith(f"=={minor}.")

    def test_satisfy_what_the_project_asks_for(self, path: Path) -> None:
        for wanted in DIRECT:
            versions = [Version(str(pin.specifier)[2:]) for pin in pins(path) if pin.name == wanted.name]
            assert versions, f"{wanted.name} is not pinned: run make constraints"
            assert all(version in wanted.specifier for version in versions), wanted


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_link_to_files_that_exist(page: Path) -> None:
    broken = [target for target in relative_links(page) if not (page.parent / target).exists()]

    assert broken == []


def test_each_dependency_has_its_reason_in_contributing() -> None:
    lines = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()
    first_cells = [line.split("|")[1] for line in lines if line.startswith("|")]
    explained = {name.strip() for cell in first_cells for name in cell.split(",")}

    assert {requirement.name for requirement in DIRECT} <= explained
