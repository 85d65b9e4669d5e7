"""tools.prose: the limits on words in docstrings and comments."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.prose import FOLDERS, LIMITS, ROOT, main, prose_of, tally_of

SOURCE = '''"""Module: what."""

text = "what is no prose"


class Thing:
    """A thing.

    It stands.
    """

    size: int
    """Attribute: nobody."""


async def run() -> None:
    """Tell them."""
    print("told")  # somebody was told


# Whatever and understanding are other words; WHAT is not.
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "package" / "module.py"
    path.parent.mkdir()
    path.write_text(SOURCE, encoding="utf-8")
    return path


def test_prose_is_docstrings_and_comments_with_their_lines(file: Path) -> None:
    lines = sorted((line.number, line.text.strip()) for line in prose_of(file) if line.text.strip())

    assert lines == [
        (1, "Module: what."),
        (7, "A thing."),
        (9, "It stands."),
        (13, "Attribute: nobody."),
        (17, "Tell them."),
        (18, "# somebody was told"),
        (21, "# Whatever and understanding are other words; WHAT is not."),
    ]


def test_words_are_counted_whole_and_in_any_case(file: Path) -> None:
    tally = tally_of([file.parent])

    assert tally.words == 22
    assert [tally.hits[limit.name] for limit in LIMITS] == [2, 1, 2, 2]


def test_exceeded_limits_fail_and_name_the_lines(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(file)]) == 1

    printed = capsys.readouterr().out
    assert f"{file}:9: [stand/stands/stood/standing] It stands." in printed
    assert "what: 90.91, at most 2: too many" in printed


def test_a_share_within_the_limits_passes(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    filler = "# " + "word " * 20_000
    file.write_text(f"{SOURCE}{filler}\n", encoding="utf-8")

    assert main([str(file)]) == 0
    assert "It stands" not in capsys.readouterr().out


def test_every_folder_is_there() -> None:
    assert [name for name in FOLDERS if not (ROOT / name).is_dir()] == []
