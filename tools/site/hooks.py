"""Hooks of MkDocs: tables of arguments, links into the repository, ``llms.txt``.

The functions have the names that MkDocs looks for. It is not imported here, so that this module can be type-checked in
an environment without it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, Protocol

from tools.site.arguments import ROOT, arguments_of, table
from tools.site.translations import translated

#: The end of a line of a page: ``<!-- arguments: operators.calls.DirectcallPlaceCallOperator -->``. Before it is where
#: readers on GitHub find the arguments; the table takes the place of the whole line.
DIRECTIVE: Final = re.compile(r"^(?:.* )?<!-- arguments: ([\w.]+(?: [\w.]+)*) -->$", re.MULTILINE)
#: A line of a page: ``<!-- file: CHANGELOG.md -->``.
FILE: Final = re.compile(r"^<!-- file: (\w+\.md) -->$", re.MULTILINE)
#: Files outside of ``docs/`` -> the page that shows them.
PAGES_OF_FILES: Final = {"../CONTRIBUTING.md": "contributing.md", "../CHANGELOG.md": "changelog.md"}
WORDS: Final = {
    "en": ("argument", "default", "meaning", "required"),
    "pt-BR": ("argumento", "padrão", "significado", "obrigatório"),
}

#: A translated heading with the anchor of its original. GitHub follows this form, and shows ``{#anchor}`` as text.
_ANCHOR = re.compile(r'^(##+) <a id="([\w-]+)"></a>(.+)$', re.MULTILINE)
_EXAMPLE = re.compile(r"\]\((?:\.\./)+example_dags/(\w+)\.(py|yaml|csv)\)")
_ROLE = re.compile(r":(?:class|func|meth|mod|data|attr|exc):<code>~?\.*(?:[\w.]*\.)?(\w+)</code>")
_FOREIGN = re.compile(r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=\"(?:https?:)?//[^\"]+\"[^>]*>")
#: Tells browsers and search engines the address of a page, and loads nothing.
_HARMLESS = re.compile(r"rel=\"(?:canonical|alternate|next|prev)\"")

_summaries: dict[str, tuple[str, str]] = {}


class ForeignResourceError(Exception):
    """A page loads something from another host."""


class _File(Protocol):
    locale: str
    src_uri: str


class _Page(Protocol):
    file: _File
    title: str
    url: str


def on_page_markdown(markdown: str, page: _Page, **_: Any) -> str:  # noqa: ANN401 - MkDocs passes more than is used
    """Insert tables of arguments, and lead links into the repository to pages of the site."""
    locale = getattr(page.file, "locale", "en")

    def arguments(found: re.Match[str]) -> str:
        return table(translated(arguments_of(*found[1].split()), locale), WORDS.get(locale, WORDS["en"]))

    def file(found: re.Match[str]) -> str:
        return (ROOT / found[1]).read_text(encoding="utf-8").replace("](docs/", "](")

    return linked(FILE.sub(file, DIRECTIVE.sub(arguments, markdown)), to_root="../" * page.file.src_uri.count("/"))


def linked(markdown: str, *, to_root: str = "") -> str:
    """Return Markdown with links to pages of the site, and with anchors in the form of the site."""
    for file, target in PAGES_OF_FILES.items():
        markdown = markdown.replace(f"]({to_root}{file}", f"]({to_root}{target}")
    markdown = _ANCHOR.sub(r"\1 \3 {#\2}", markdown)
    return _EXAMPLE.sub(lambda found: f"]({to_root}examples.md#{found[1]}{found[2]})", markdown)


def on_page_content(html: str, **_: Any) -> str:  # noqa: ANN401 - as above
    """Show the roles of docstrings as code."""
    return _ROLE.sub(r"<code>\1</code>", html)


def on_post_page(output: str, page: _Page, **_: Any) -> str:  # noqa: ANN401 - as above
    """Keep the page's first sentence for ``llms.txt``.

    :raises ForeignResourceError: the page would load something from another host.
    """
    for tag in _FOREIGN.findall(output):
        if not _HARMLESS.search(tag):
            raise ForeignResourceError(f"{page.file.src_uri}: {tag}")
    _summaries[page.url] = (page.title, _first_sentence(output))
    return output


def on_post_build(config: dict[str, Any], **_: Any) -> None:  # noqa: ANN401 - as above
    """Write ``llms.txt``: the pages of the default language, one a line."""
    lines = ["# airflow-provider-directcall", "", f"> {config['site_description']}", ""]
    for url, (title, summary) in _summaries.items():
        if not url.startswith("pt-BR/"):
            lines.append(f"- [{title}]({url}){': ' + summary if summary else ''}")
    Path(config["site_dir"], "llms.txt").write_text("\n".join([*lines, ""]), encoding="utf-8")


def _first_sentence(html: str) -> str:
    """Return the text of the first paragraph of the article, up to its first full stop."""
    article = html.partition("<article")[2]
    paragraph = re.search(r"<p>(.*?)</p>", article, re.DOTALL)
    text = re.sub(r"<[^>]+>", "", paragraph[1]) if paragraph else ""
    return " ".join(text.split()).partition(". ")[0].removesuffix(".").strip()
