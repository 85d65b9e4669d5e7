"""Translated pages are of their originals as they are now; README and docstrings link to pages that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.site.arguments import ROOT, arguments_of
from tools.site.hooks import DIRECTIVE, linked
from tools.site.translations import (
    SUFFIX,
    digest,
    is_current,
    original_of,
    portuguese_lines,
    stamp,
    translated,
)

TRANSLATED = sorted((ROOT / "docs").rglob(f"*{SUFFIX}"))
LINK = re.compile(r"\]\(((?!https?://|#|mailto:)[^)#]+)(?:#([^)]+))?\)")


@pytest.mark.parametrize("page", TRANSLATED, ids=lambda page: page.name)
def test_the_translation_is_not_older_than_its_original(page: Path) -> None:
    command = f"python -m tools.site.translations {page.relative_to(ROOT)}"
    assert is_current(page), f"{original_of(page).name} has changed: bring the translation up to date, then: {command}"


@pytest.mark.parametrize("page", TRANSLATED, ids=lambda page: page.name)
def test_the_translation_has_the_code_and_the_tables_of_its_original(page: Path) -> None:
    def fixed(text: str) -> list[str]:
        return re.findall(r"--8<-- \S+|<!-- arguments: .* -->", text)

    assert fixed(page.read_text(encoding="utf-8")) == fixed(original_of(page).read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", TRANSLATED, ids=lambda page: page.name)
def test_the_translation_has_the_sections_of_its_original(page: Path) -> None:
    missing = anchors(original_of(page)) - anchors(page)
    assert missing == set(), "begin the heading with <a id=...></a>, which GitHub follows too"


def test_an_anchor_of_a_translation_is_the_id_of_its_heading() -> None:
    assert linked('## <a id="files"></a>Arquivos\n') == "## Arquivos {#files}\n"


@pytest.mark.parametrize("page", [*TRANSLATED, ROOT / "README.pt-BR.md"], ids=lambda page: page.name)
def test_a_translation_links_to_translations(page: Path) -> None:
    targets = {target for target, _ in LINK.findall(page.read_text(encoding="utf-8")) if target.endswith(".md")}
    english = {target for target in targets if not target.endswith(SUFFIX)} - {"README.md"}
    assert [target for target in sorted(english) if page.parent.joinpath(target).with_suffix(SUFFIX).exists()] == []


def test_a_changed_original_makes_a_translation_old(tmp_path: Path) -> None:
    original, page = tmp_path / "page.md", tmp_path / f"page{SUFFIX}"
    original.write_text("One  sentence.\n")
    page.write_text("Uma frase.\n")
    assert not is_current(page)
    stamp(page)
    stamp(page)
    assert page.read_text() == f"---\noriginal: {digest('One sentence.')}\n---\nUma frase.\n"
    assert is_current(page)
    original.write_text("Another sentence.\n")
    assert not is_current(page)


def test_lines_of_arguments_are_translated_while_the_english_is_the_same() -> None:
    pages = [page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "how-to").glob("*.md")]
    directives = {found for page in pages for found in DIRECTIVE.findall(page)}
    english = {line.meaning for found in directives for line in arguments_of(*found.split())}
    old = sorted(set(portuguese_lines()) - english)
    assert old == [], "these lines have changed: bring tools/site/arguments.pt-BR.json up to date"
    line = arguments_of("operators.sounds.DirectcallAddSoundOperator")[-2]
    assert translated([line], "pt-BR")[0].meaning == "id da conexão."
    assert translated([line], "en") == [line]


@pytest.mark.parametrize("name", ["README.md", "README.pt-BR.md", "CONTRIBUTING.md"])
def test_links_of_the_repository_lead_somewhere(name: str) -> None:
    for target, anchor in LINK.findall((ROOT / name).read_text(encoding="utf-8")):
        assert (ROOT / target).exists(), target
        if anchor and target.endswith(".md"):
            assert anchor in anchors(ROOT / target), f"{target}#{anchor}"


def anchors(page: Path) -> set[str]:
    """Return the anchors of the sections of a page, below its title."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    given = re.findall(r'^##+ <a id="(.+)"></a>', text, re.MULTILINE)
    headings = re.findall(r"^##+ ([^<\n]+)$", text, re.MULTILINE)
    return {*given} | {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_docstrings_name_pages_that_exist() -> None:
    package = ROOT / "airflow_provider_directcall"
    named = {
        found
        for file in package.rglob("*.py")
        for found in re.findall(r"\bdocs/[\w/-]+\.md\b", file.read_text(encoding="utf-8"))
    }
    assert named
    assert [page for page in sorted(named) if not (ROOT / page).exists()] == []
