"""The provider's metadata, validated by Airflow's own rules."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import jsonschema
import pytest

import airflow_provider_directcall
from airflow_provider_directcall.hooks.directcall import DirectcallHook
from airflow_provider_directcall.provider_info import form_behaviour, get_provider_info

INFO = get_provider_info()
CONNECTION = INFO["connection-types"][0]
ROOT = Path(airflow_provider_directcall.__file__).parent


@pytest.mark.parametrize("schema_name", ["provider_info.schema.json"])
def test_airflow_s_schema_accepts_it(schema_name) -> None:
    schema = json.loads(files("airflow").joinpath(schema_name).read_text())
    jsonschema.validate(INFO, schema)


def test_every_key_is_known_to_airflow() -> None:
    """Airflow ignores unknown keys silently, so a typing error would hide a feature."""
    schema = json.loads(files("airflow").joinpath("provider_info.schema.json").read_text())
    assert INFO.keys() <= schema["properties"].keys()


def test_the_form_behaviour_is_accepted() -> None:
    schema = json.loads(files("airflow").joinpath("customized_form_field_behaviours.schema.json").read_text())
    jsonschema.validate(form_behaviour(), schema)
    assert CONNECTION["ui-field-behaviour"] == {key.replace("_", "-"): value for key, value in form_behaviour().items()}


def dotted_paths(value: object) -> Iterator[str]:
    """Yield every text of the info that names something in this package."""
    if isinstance(value, str) and value.startswith("airflow_provider_directcall."):
        yield value
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from dotted_paths(item)


@pytest.mark.parametrize("path", sorted(set(dotted_paths(INFO))))
def test_every_dotted_path_imports(path) -> None:
    module, _, name = path.rpartition(".")
    if path in {decorator["class-name"] for decorator in INFO["task-decorators"]}:
        assert callable(getattr(importlib.import_module(module), name))
    elif name[0].isupper():
        assert isinstance(getattr(importlib.import_module(module), name), type)
    else:
        importlib.import_module(path)


@pytest.mark.parametrize(
    ("key", "base"), [("operators", "BaseOperator"), ("sensors", "BaseSensorOperator"), ("triggers", "BaseTrigger")]
)
def test_no_module_of_the_surface_is_forgotten(key, base) -> None:
    """Each class of the kind can be imported from a module that is listed, and each of these has one.

    The trigger modules of 0.1.0 serve tasks that were deferred before an upgrade.
    """
    import airflow.sdk as sdk
    from airflow.triggers.base import BaseTrigger

    from airflow_provider_directcall.triggers.legacy import LegacyTrigger

    kind = getattr(sdk, base, BaseTrigger)
    listed = {module for entry in INFO[key] for module in entry["python-modules"]}
    there: dict[str, set[type]] = {}
    for path in (ROOT / key).glob("[a-z]*.py"):
        module = importlib.import_module(f"airflow_provider_directcall.{key}.{path.stem}")
        package = f"airflow_provider_directcall.{key}."
        own = [item for item in vars(module).values() if isinstance(item, type) and item.__module__.startswith(package)]
        if any(issubclass(item, LegacyTrigger) for item in own):
            continue
        there[module.__name__] = {
            item for item in own if issubclass(item, kind) and not getattr(item, "__abstractmethods__", None)
        }
    assert all(there[name] for name in listed)
    assert set().union(*(there[name] for name in listed)) == set().union(*there.values())


def test_the_hook_fits_its_connection_type() -> None:
    assert CONNECTION["hook-class-name"] == f"{DirectcallHook.__module__}.{DirectcallHook.__name__}"
    assert (CONNECTION["connection-type"], CONNECTION["hook-name"]) == (
        DirectcallHook.conn_type,
        DirectcallHook.hook_name,
    )


@pytest.mark.parametrize(("name", "field"), CONNECTION["conn-fields"].items())
def test_an_empty_field_of_the_form_is_valid(name, field) -> None:
    jsonschema.Draft7Validator.check_schema(field["schema"])
    jsonschema.validate(None, field["schema"])
    jsonschema.validate(field["schema"].get("default"), field["schema"])
    assert field["label"]
    assert field["description"]


def test_airflow_shows_the_form() -> None:
    """The connection form, on the installed Airflow; 3.1 reads the hook, later ones the info."""
    from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService

    assert [point.value for point in entry_points(group="apache_airflow_provider", name="provider_info")]
    (shown,) = [meta for meta in HookMetaService.hook_meta_data() if meta.connection_type == "directcall"]
    assert shown.hook_name == "Directcall"
    assert set(shown.extra_fields) == set(CONNECTION["conn-fields"])
    fields = shown.standard_fields
    assert (fields.login.title, fields.password.title, fields.host.title) == (
        "Client id",
        "Client secret",
        "API address",
    )
    assert fields.host.placeholder == "https://api.directcallsoft.com"
    assert fields.url_schema.hidden
    assert fields.port.hidden


def test_the_hook_s_own_fields_are_those_of_the_info(monkeypatch) -> None:
    """Airflow 3.1 looks in the class itself, not in its parents, and replaces wtforms."""
    stand_in = ModuleType("wtforms")
    stand_in.StringField = lambda label, description: (label, description)
    monkeypatch.setitem(sys.modules, "wtforms", stand_in)
    assert {"get_connection_form_widgets", "get_ui_field_behaviour"} <= vars(DirectcallHook).keys()
    assert DirectcallHook.get_ui_field_behaviour() == form_behaviour()
    assert DirectcallHook.get_connection_form_widgets() == {
        name: (field["label"], field["description"]) for name, field in CONNECTION["conn-fields"].items()
    }
