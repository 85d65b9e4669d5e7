"""tools.operator_walk: bases, abstract methods and switches between files."""

from __future__ import annotations

import importlib.util
from abc import abstractmethod
from pathlib import Path
from types import ModuleType
from typing import Protocol

import pytest

from tools.operator_walk import LEAVES, Switches, abstract_methods, bases_of, load


class Base:
    @abstractmethod
    def request(self) -> object: ...

    def execute(self) -> object: ...


class Leaf(Base):
    def request(self) -> object: ...


class Contract(Protocol):
    @property
    def kind(self) -> str: ...

    def accepted(self) -> object: ...


def module(path: Path, source: str) -> ModuleType:
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_switches_are_calls_that_change_the_file(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    library = module(elsewhere / "library.py", "def call(function):\n    function()\n")
    base = module(tmp_path / "base.py", "def step():\n    pass\n\ndef run(hook):\n    step()\n    hook()\n    step()\n")
    leaf = module(tmp_path / "leaf.py", "def hook():\n    pass\n\ndef start(run, call):\n    run(lambda: call(hook))\n")
    switches = Switches(tmp_path)

    with switches.counted():
        leaf.start(base.run, library.call)
    leaf.start(base.run, library.call)

    assert switches.edges == {("leaf.py", "base.py"): 2, ("base.py", "leaf.py"): 1}


def test_importing_a_file_is_no_switch(tmp_path: Path) -> None:
    switches = Switches(tmp_path)

    with switches.counted():
        for name in ("one", "two"):
            module(tmp_path / f"{name}.py", "class Thing:\n    def run(self):\n        pass\n\nThing().run\n")

    assert switches.edges == {}


def test_abstract_methods_are_counted_once_and_data_members_are_not() -> None:
    assert abstract_methods([Base, Leaf, Base], [Contract]) == ["Base.request", "Contract.accepted"]


@pytest.mark.parametrize("path", LEAVES)
def test_bases_are_the_packages_classes_only(path: str) -> None:
    bases = bases_of(load(path))

    assert bases
    assert {kind.__module__.split(".")[0] for kind in bases} == {"airflow_provider_directcall"}
