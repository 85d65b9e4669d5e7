"""An Airflow with a Directcall, in which the page Telephony has something to show: for tests, figures and pictures."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from airflow_provider_directcall.sandbox import Sandbox, SandboxConfig
from airflow_provider_directcall.sandbox.server import SandboxServer
from tools.live_airflow import LiveAirflow, live_airflow

if TYPE_CHECKING:
    from playwright.sync_api import StorageState

ROOT: Final = Path(__file__).resolve().parent.parent
DAGS: Final = ROOT / "tests" / "plugin" / "page_dags"
CALENDAR: Final = ROOT / "example_dags" / "hotline.yaml"
USERS: Final = {"ada": "admin", "vera": "viewer"}
ADMINISTRATOR, VIEWER = USERS
#: Rows that the plan leaves out: a landline, a number that is none.
_LEFT_OUT: Final = ("1130000017", "123")
#: Numbers of the sandbox at which messages fail, or are refused.
_MAGIC: Final = ("11990000410", "11990000404")
#: The cookie of Airflow's UI.
_COOKIE: Final = "_token"


@dataclass(frozen=True)
class PageWorld:
    """A running Airflow and its Directcall."""

    airflow: LiveAirflow
    directcall: SandboxServer

    @property
    def page(self) -> str:
        """The address of the page, without the frame around it."""
        return f"{self.airflow.url}/directcall/ui/"

    def session(self, user: str, **stored: str) -> StorageState:
        """Return the state of a browser in which the user is signed in.

        :param stored: entries of Airflow's UI in the browser: ``theme``, ``i18nextLng``.
        """
        cookie = {"name": _COOKIE, "value": self.airflow.token_of(user), "domain": "127.0.0.1", "path": "/"}
        kept = [{"name": name, "value": value} for name, value in stored.items()]
        # Playwright has defaults for the other fields.
        return cast(
            "StorageState", {"cookies": [cookie], "origins": [{"origin": self.airflow.origin, "localStorage": kept}]}
        )


@contextmanager
def page_world(folder: Path, *, contacts: int, base_path: str = "", **environment: str) -> Iterator[PageWorld]:
    """Run them inside the ``with`` block.

    :param folder: for all files; new.
    :param contacts: of the campaign.
    :param base_path: of Airflow's address.
    """
    dags = folder / "dags"
    shutil.copytree(DAGS, dags)
    shutil.copy(CALENDAR, dags)
    write_contacts(dags / "contacts.csv", contacts)
    with Sandbox(SandboxConfig(pace=10)).serve() as server:
        variables = {"AIRFLOW_CONN_DIRECTCALL_DEFAULT": server.connection_json(), **environment}
        with live_airflow(folder / "home", dags, variables, USERS, base_path) as airflow:
            yield PageWorld(airflow, server)


def write_contacts(path: Path, contacts: int) -> None:
    """Write so many contacts with invented numbers, some of whom cannot be reached, and two that no plan accepts."""
    phones = [*_MAGIC, *(f"119{10_000_000 + index:08d}" for index in range(contacts))][:contacts]
    rows = [f"{index},{phone},Contato {index}" for index, phone in enumerate([*phones, *_LEFT_OUT])]
    path.write_text("\n".join(["id,phone,name", *rows]) + "\n", encoding="utf-8")
