"""The files by which the project is found, published and discussed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

import airflow_provider_directcall
from airflow_provider_directcall.provider_info import get_provider_info
from tools.release_check import faults

from .test_packaging import PROJECT, ROOT

GITHUB = ROOT / ".github"
YAML_FILES = sorted([ROOT / ".airflow-registry.yaml", *GITHUB.rglob("*.yml")])
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
REGISTRY = yaml.safe_load((ROOT / ".airflow-registry.yaml").read_text(encoding="utf-8"))
INFO = get_provider_info()


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps(workflow: Path) -> list[dict[str, Any]]:
    return [step for job in read(workflow)["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", YAML_FILES, ids=lambda path: path.name)
def test_yaml_files_parse(path: Path) -> None:
    assert isinstance(read(path), dict)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
class TestWorkflows:
    def test_pin_actions_by_hash_with_their_version(self, path: Path) -> None:
        used = re.findall(r"uses: (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert used
        for action in used:
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action

    def test_may_read_and_no_more_unless_a_job_says_so(self, path: Path) -> None:
        workflow = read(path)
        assert workflow["permissions"] == {"contents": "read"}
        own = [job["permissions"] for job in workflow["jobs"].values() if "permissions" in job]
        assert all(each == {"id-token": "write"} for each in own)
        assert workflow["concurrency"]["group"]

    def test_leave_no_credentials_in_the_work_tree(self, path: Path) -> None:
        checkouts = [step for step in steps(path) if step.get("uses", "").startswith("actions/checkout@")]
        assert all(step["with"]["persist-credentials"] is False for step in checkouts)

    def test_bound_the_time_of_each_job(self, path: Path) -> None:
        assert all(job["timeout-minutes"] <= 90 for job in read(path)["jobs"].values())

    def test_put_nothing_that_a_stranger_wrote_into_a_command(self, path: Path) -> None:
        assert not any("${{" in step.get("run", "") for step in steps(path))


def test_ci_runs_the_script_of_this_repository() -> None:
    assert ".ci/run" in [step.get("run") for step in steps(GITHUB / "workflows/ci.yml")]


def test_classifiers_name_the_pythons_that_ci_tests() -> None:
    jobs = read(GITHUB / "workflows/ci.yml")["jobs"]
    tested = {step["with"]["python-version"] for step in jobs["ci"]["steps"] if "setup-python" in step.get("uses", "")}
    tested |= set(jobs["pythons"]["strategy"]["matrix"]["python"])

    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))

    assert set(named) == tested


def test_a_release_needs_the_tag_of_the_version_and_its_own_repository() -> None:
    version, repository = airflow_provider_directcall.__version__, PROJECT["urls"]["Repository"]
    undated = [fault for fault in faults(f"v{version}", repository) if "CHANGELOG" not in fault]

    assert undated == []
    assert faults("v999", repository)[0] == f"the tag is v999, and the version is {version}"
    assert any("[project.urls]" in fault for fault in faults(f"v{version}", "https://example.com/fork"))


def test_only_the_job_with_the_environment_publishes() -> None:
    jobs = read(GITHUB / "workflows/release.yml")["jobs"]
    assert {name for name, job in jobs.items() if "permissions" in job} == {"publish"}
    assert jobs["publish"]["environment"] == "pypi"
    assert jobs["publish"]["steps"][-1]["with"] == {"attestations": True}


@pytest.mark.parametrize("form", sorted((GITHUB / "ISSUE_TEMPLATE").glob("[a-b]*.yml")), ids=lambda path: path.name)
def test_forms_ask_for_the_check_and_warn_of_personal_data(form: Path) -> None:
    text = form.read_text(encoding="utf-8")
    assert "directcall-check --json" in text
    assert "Issues are public" in text


@pytest.mark.parametrize("kind", ["hooks", "operators", "sensors", "triggers"])
def test_the_registry_names_a_class_of_every_module_of_the_provider(kind: str) -> None:
    modules = {name for each in INFO[kind] for name in each["python-modules"]}
    # The older name of a module, which re-exports.
    modules.discard("airflow_provider_directcall.operators.number_rules")

    assert {row["module"].rpartition(".")[0] for row in REGISTRY[kind]} == modules


def test_the_registry_and_the_provider_agree() -> None:
    assert REGISTRY["package-name"] == INFO["package-name"] == PROJECT["name"]
    assert REGISTRY["display-name"] == INFO["name"]
    assert [row["module"] for row in REGISTRY["notifications"]] == INFO["notifications"]
    assert [row["module"] for row in REGISTRY["extra-links"]] == INFO["extra-links"]
    assert [row["module"] for row in REGISTRY["task-decorators"]] == [
        row["class-name"] for row in INFO["task-decorators"]
    ]
    assert [(row["connection-type"], row["hook-class-name"]) for row in REGISTRY["connection-types"]] == [
        (row["connection-type"], row["hook-class-name"]) for row in INFO["connection-types"]
    ]


def test_the_logo_is_a_drawing_without_scripts_and_foreign_files() -> None:
    logo = ET.parse(ROOT / REGISTRY["logo"]).getroot()
    assert logo.tag.endswith("svg")
    assert not [each for each in logo.iter() if each.tag.endswith(("script", "image", "style"))]
