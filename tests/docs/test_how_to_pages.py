"""Each operator, sensor, trigger, notifier, task group and the decorator has a how-to with a line for each argument."""

from __future__ import annotations

import ast
import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

from tools.site.arguments import PACKAGE, ROOT, arguments_of, table
from tools.site.hooks import DIRECTIVE, WORDS, linked

DOCS = ROOT / "docs"
#: Where users find classes; the notifier, the decorator and the task group among them.
ROOMS = ("operators", "sensors", "triggers", "notifications", "task_groups", "decorators")
PUBLIC = re.compile(r"Directcall|_SMSDecorated")
SNIPPET = re.compile(r'^ *--8<-- "([^":]+)(?::(\w+))?"$', re.MULTILINE)


def pages() -> dict[Path, str]:
    return {page: page.read_text(encoding="utf-8") for page in sorted(DOCS.rglob("*.md"))}


def public_classes() -> dict[str, str]:
    """Name -> module, relative to the package, of each class that users construct."""
    found = {}
    for room in ROOMS:
        for file in sorted((ROOT / PACKAGE / room).glob("*.py")):
            for node in ast.parse(file.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and PUBLIC.match(node.name):
                    found[node.name] = f"{room}.{file.stem}"
    return found


def documented_classes() -> dict[str, list[str]]:
    """Name -> the classes of its table, itself first."""
    directives = [found.split() for text in pages().values() for found in DIRECTIVE.findall(text)]
    return {paths[0].rpartition(".")[2]: paths for paths in directives}


def test_each_class_has_a_table() -> None:
    assert set(public_classes()) == set(documented_classes())


@pytest.mark.parametrize("name", sorted(public_classes()))
def test_the_table_has_each_argument_of_the_constructor(name: str) -> None:
    lines = arguments_of(*documented_classes()[name])
    constructor = getattr(import_module(f"{PACKAGE}.{public_classes()[name]}"), name)
    unnamed = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    signature = inspect.signature(constructor)
    expected = {each.name for each in signature.parameters.values() if each.kind not in unnamed}
    assert expected <= {line.name for line in lines}
    assert all(line.meaning for line in lines)
    text = table(lines, WORDS["pt-BR"])
    assert text.count("\n") == len(lines) + 1
    assert ":param" not in text


def test_each_class_is_listed_with_its_page() -> None:
    listed = (DOCS / "how-to" / "index.md").read_text(encoding="utf-8")
    families = {
        "DirectcallPlanCampaignOperator": "DirectcallCampaignTaskGroup",
        "DirectcallApproveCampaignOperator": "DirectcallCampaignTaskGroup",
        "DirectcallSendCampaignOperator": "DirectcallCampaignTaskGroup",
        "DirectcallTrackCampaignOperator": "DirectcallCampaignTaskGroup",
        "DirectcallReportCampaignOperator": "DirectcallCampaignTaskGroup",
        "DirectcallPlanNumberRulesOperator": "DirectcallApplyNumberRulesOperator",
        "DirectcallUpdateNumberRuleOperator": "DirectcallApplyNumberRulesOperator",
        "DirectcallRestoreNumberRulesOperator": "DirectcallApplyNumberRulesOperator",
        "DirectcallReceivedCallTrigger": "DirectcallMissedCallTrigger",
        "DirectcallReceivedSMSTrigger": "DirectcallMissedCallTrigger",
        "DirectcallRecordingTrigger": "DirectcallMissedCallTrigger",
        "DirectcallAlertTrigger": "DirectcallNotifier",
        "_SMSDecoratedOperator": "@task.directcall_sms",
    }
    assert [name for name in public_classes() if families.get(name, name) not in listed] == []


@pytest.mark.parametrize("page", sorted(pages()), ids=lambda page: page.name)
def test_each_snippet_is_part_of_a_file_that_tests_run(page: Path) -> None:
    run_by_tests = "\n".join(
        file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py") if file != Path(__file__)
    )
    for name, section in SNIPPET.findall(page.read_text(encoding="utf-8")):
        text = (ROOT / name).read_text(encoding="utf-8")
        if section:
            assert f"# --8<-- [start:{section}]" in text
            assert f"# --8<-- [end:{section}]" in text
        assert name.startswith("tests/") or Path(name).stem in run_by_tests


@pytest.mark.parametrize("page", sorted(pages()), ids=lambda page: page.name)
def test_readers_on_github_find_code_and_arguments(page: Path) -> None:
    """GitHub shows neither included code nor tables of arguments."""
    text = page.read_text(encoding="utf-8")
    shown = {name for name, _ in SNIPPET.findall(text) if name.startswith("example_dags/")}
    linked_files = {(page.parent / target).resolve() for target in re.findall(r"\]\(([^)#]+\.(?:py|yaml))\)", text)}
    if not page.name.startswith("examples."):
        assert {ROOT / name for name in shown} <= linked_files
    for line in text.splitlines():
        if found := DIRECTIVE.match(line):
            (target,) = re.findall(r"\]\(([^)]+)\)", line)
            name = found[1].split()[0].rpartition(".")[2]
            assert f"\nclass {name}(" in (page.parent / target).read_text(encoding="utf-8")


def test_links_to_examples_lead_to_the_page_of_examples() -> None:
    assert linked("[a](../example_dags/hotline.yaml)") == "[a](examples.md#hotlineyaml)"
    assert linked("[a](../../CHANGELOG.md)", to_root="../") == "[a](../changelog.md)"
    examples = (DOCS / "examples.md").read_text(encoding="utf-8")
    files = [file.name for file in (ROOT / "example_dags").iterdir() if file.suffix in {".py", ".yaml"}]
    assert [name for name in files if f"## {name}\n" not in examples] == []
