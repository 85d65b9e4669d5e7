"""Where a campaign's files are: a folder for each plan of a DAG run."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from airflow.providers.common.compat.sdk import conf

from airflow_provider_directcall.runtime import arguments

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_directcall.campaigns.contacts.places import StoredFile
    from airflow_provider_directcall.campaigns.storage import Folder

_SETTING: Final = "campaign_storage"
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_PLAN: Final = "/plan.json"


def stored_path(uri: str) -> StoredFile:
    """Return a path in an object store, with the credentials of its Airflow connection."""
    from airflow.sdk import ObjectStoragePath

    return ObjectStoragePath(uri)


def campaign_base(storage: str | None, context: Context) -> str:
    """Return the path or URI below which the files of a task's campaign are, the same over all its tries.

    :param storage: argument of the task; None for the deployment's.
    """
    ti = context["ti"]
    index = f".{ti.map_index}" if ti.map_index is not None and ti.map_index >= 0 else ""
    base = (
        arguments.optional_text(storage)
        or conf.get("directcall", _SETTING, fallback="")
        or str(_home() / "directcall_campaigns")
    )
    return "/".join([base.rstrip("/"), *(_safe(part) for part in (ti.dag_id, ti.run_id, f"{ti.task_id}{index}"))])


def storage_of(base: str) -> str:
    """Return the path or URI below which all campaigns are.

    :param base: of :func:`campaign_base`.
    """
    return base.rsplit("/", 3)[0]


def folder_of(place: str) -> Folder:
    """Return the folder of a path or a URI."""
    from airflow_provider_directcall.campaigns.contacts.places import folder_at

    return folder_at(place, stored_path)


def plan_uri(folder: Folder) -> str:
    """Return the URI of a folder's plan."""
    return folder.uri + _PLAN


def folder_of_plan(uri: str) -> Folder:
    """Return the folder of a plan.

    :raises ValueError: it is no plan's URI.
    """
    if not uri.endswith(_PLAN):
        raise ValueError(f"plan: the result of a plan task is needed, or the path or URI of its {_PLAN[1:]}")
    return folder_of(uri.removesuffix(_PLAN))


def generation_of(folder: Folder) -> int:
    """Return which sending of its run a plan is for, from 0; a plan in any other folder is for the first."""
    last = folder.uri.rpartition("/")[2]
    return int(last) if last.isdecimal() else 0


def _home() -> Path:
    return Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()


def _safe(name: str) -> str:
    """Return a name of a folder; different names give different folders."""
    plain = _UNSAFE.sub("_", name)
    return plain if plain == name else f"{plain}-{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"
