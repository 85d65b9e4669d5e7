"""The provider's metadata for Airflow. Imports next to nothing: every Airflow component loads it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

CONNECTION_TYPE = "directcall"
_PACKAGE = "airflow_provider_directcall"
_INTEGRATION = "Directcall"

#: Extra fields of the connection: name -> label, description, JSON schema.
_CONN_FIELDS: dict[str, dict[str, Any]] = {
    "default_origin": {
        "label": "Default origin",
        "description": "Number for tasks without an origin: 55, area code and number, e.g. 5511990000001",
        "schema": {"type": ["string", "null"]},
    },
    "timezone": {
        "label": "Time zone",
        "description": "IANA name of the zone of Directcall's times",
        "schema": {"type": ["string", "null"], "default": "America/Sao_Paulo"},
    },
    "timeout": {
        "label": "Timeout (seconds)",
        "description": "How long to wait for a connection and for each part of a reply",
        "schema": {"type": ["number", "null"], "default": 30},
    },
    "requests_per_second": {
        "label": "Requests per second",
        "description": "Upper bound for each task; empty means none",
        "schema": {"type": ["number", "null"]},
    },
    "tag_search": {
        "label": "Tag search",
        "description": "Value of campos[search], with which statements show tags, or n (directcall-check names it)",
        "schema": {"type": ["string", "null"]},
    },
    "endpoints": {
        "label": "Replaced paths (JSON)",
        "description": 'Endpoint name -> path, e.g. {"save_rule": "/did/save"}; for assumed paths that differ',
        "schema": {"type": ["string", "object", "null"]},
    },
    "fields": {
        "label": "Replaced field names (JSON)",
        "description": 'Endpoint name -> {assumed field -> field}, e.g. {"list_statement": {"valor": "preco"}}',
        "schema": {"type": ["string", "object", "null"]},
    },
}


#: Airflow's own configuration, section ``[directcall]``.
_CONFIG: dict[str, dict[str, Any]] = {
    "directcall": {
        "description": "Directcall: calls and messages that are sent once.",
        "options": {
            "deployment": {
                "description": (
                    "Name of this Airflow. Required when several Airflows run the same DAGs on one account: "
                    "it is part of the idempotency key, so that none takes another's call or message for its own."
                ),
                "version_added": None,
                "type": "string",
                "example": "production",
                "default": "",
            },
            "audio_sources": {
                "description": (
                    "Places from which tasks may read the files of an audio argument, separated by commas: "
                    "dag_bundle (the folder of the task's DAG bundle), object_storage (every object store), literal "
                    "(paths that the DAG file itself holds, which no template and no mapped value made), absolute "
                    "folders, and beginnings of URIs such as s3://bucket/audios."
                ),
                "version_added": None,
                "type": "string",
                "example": "dag_bundle, /srv/audios, s3://bucket/audios",
                "default": "dag_bundle, object_storage, literal",
            },
            "campaign_storage": {
                "description": (
                    "Path or URI of the folder for the files of campaigns, which hold numbers and texts. All workers "
                    "have to reach it. Empty: a folder in AIRFLOW_HOME, which suits one machine."
                ),
                "version_added": None,
                "type": "string",
                "example": "s3://aws_default@bucket/campaigns",
                "default": "",
            },
            "rate_conn_id": {
                "description": (
                    "Id of a connection of type redis. Tasks that send campaigns share the rate of an account through "
                    "it, on whichever worker they run; needs the extra redis. Empty: each task takes its part of it."
                ),
                "version_added": None,
                "type": "string",
                "example": "redis_default",
                "default": "",
            },
            "webhook_conn_id": {
                "description": (
                    "Id of a connection of type generic, whose login and password Directcall's webhooks have to show. "
                    "The API server receives them below /directcall/events/. Empty: it has no such path."
                ),
                "version_added": None,
                "type": "string",
                "example": "directcall_webhooks",
                "default": "",
            },
        },
    }
}

_HIDDEN_FIELDS = ["schema", "port", "extra"]
_RELABELING = {"host": "API address", "login": "Client id", "password": "Client secret"}
_PLACEHOLDERS = {
    "host": "https://api.directcallsoft.com",
    "login": "you@example.com",
    "password": "the secret Directcall gave you",
}


def form_behaviour() -> dict[str, Any]:
    """Return hidden fields, labels and placeholders of the connection form, in Airflow 3.1's format for hooks."""
    return {"hidden_fields": _HIDDEN_FIELDS, "relabeling": _RELABELING, "placeholders": _PLACEHOLDERS}


def form_widgets() -> dict[str, Any]:
    """Return the extra fields as wtforms fields, in Airflow 3.1's format for hooks.

    Its API server replaces wtforms by a module of its own, so the library need not be installed.
    """
    text_field = import_module("wtforms").StringField
    return {name: text_field(field["label"], description=field["description"]) for name, field in _CONN_FIELDS.items()}


def get_provider_info() -> dict[str, Any]:
    """Return the provider's metadata, as ``provider_info.schema.json`` of Airflow defines it."""
    return {
        "package-name": "airflow-provider-directcall",
        "name": _INTEGRATION,
        "description": "Calls, SMS, voice messages and number routing of Directcall, a Brazilian telephone company.",
        "integrations": [
            {
                "integration-name": _INTEGRATION,
                "external-doc-url": "https://doc.directcallsoft.com",
                "tags": ["service"],
            }
        ],
        "hooks": [_modules("hooks.directcall")],
        "operators": [
            _modules(
                *(
                    f"operators.{name}"
                    for name in (
                        "calls",
                        "campaign_approval",
                        "campaigns",
                        "exports",
                        "messages",
                        "number_rules",
                        "numbers",
                        "recordings",
                        "sounds",
                        "webhooks",
                    )
                )
            )
        ],
        "sensors": [_modules("sensors.messages", "sensors.recordings", "sensors.statement")],
        "triggers": [
            _modules(
                *(
                    f"triggers.{name}"
                    for name in (
                        "alerts",
                        "delivery",
                        "message_delivery",
                        "moments",
                        "replies",
                        "statement",
                        "watchers",
                    )
                )
            )
        ],
        "notifications": [f"{_PACKAGE}.notifications.directcall.DirectcallNotifier"],
        "task-decorators": [{"name": "directcall_sms", "class-name": f"{_PACKAGE}.decorators.sms.sms_task"}],
        "config": _CONFIG,
        "asset-uris": [{"schemes": ["directcall"], "handler": None}],
        "extra-links": [f"{_PACKAGE}.links.recording.RecordingLink"],
        "connection-types": [
            {
                "connection-type": CONNECTION_TYPE,
                "hook-class-name": f"{_PACKAGE}.hooks.directcall.DirectcallHook",
                "hook-name": "Directcall",
                "ui-field-behaviour": {name.replace("_", "-"): value for name, value in form_behaviour().items()},
                "conn-fields": _CONN_FIELDS,
            }
        ],
    }


def _modules(*names: str) -> dict[str, Any]:
    return {"integration-name": _INTEGRATION, "python-modules": [f"{_PACKAGE}.{name}" for name in names]}
