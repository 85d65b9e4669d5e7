"""The receiver's side of Airflow: credentials from a connection, rings as events of assets.

With :mod:`~.page`, the only module that uses parts of Airflow's server that are not its public interface.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING

from airflow.assets.manager import asset_manager
from airflow.models.asset import AssetModel
from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook
from airflow.utils.session import create_session
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from airflow_provider_directcall.plugin.receiver import Credentials, NotReadyError, Receiver, make_app
from airflow_provider_directcall.provider_info import CONNECTION_TYPE

if TYPE_CHECKING:
    from fastapi import FastAPI

    from airflow_provider_directcall.assets import Doorbell

log = logging.getLogger(__name__)


def receiver_app(conn_id: str) -> FastAPI:
    """Return the application that Airflow mounts.

    :param conn_id: id of the connection with the login and the password that Directcall has to show.
    """
    return make_app(Receiver(lambda: read_credentials(conn_id), ring))


def read_credentials(conn_id: str) -> Credentials:
    """Read the login and the password of the connection.

    :raises NotReadyError: there is no such connection, or it does not protect the receiver.
    """
    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        raise NotReadyError(f"connection {conn_id!r} ([directcall] webhook_conn_id) does not exist") from None
    if connection.conn_type == CONNECTION_TYPE:
        raise NotReadyError(
            f"connection {conn_id!r} ([directcall] webhook_conn_id) is of type {CONNECTION_TYPE}: the secret of an "
            "account does not belong into the address of a webhook; use a connection of its own, of type generic"
        )
    for field in ("login", "password"):
        if not (getattr(connection, field) or "").strip():
            raise NotReadyError(f"connection {conn_id!r} ([directcall] webhook_conn_id) has no {field}")
    if ":" in (connection.login or ""):
        # HTTP Basic ends the login at the first one.
        raise NotReadyError(f"the login of connection {conn_id!r} ([directcall] webhook_conn_id) has a colon (:)")
    return Credentials(connection.login or "", connection.password or "")


def ring(kind: Doorbell, rung_at: datetime) -> None:
    """Add an event to the doorbell's asset; committed when it returns.

    :raises NotReadyError: no DAG names the asset.
    """
    try:
        _ring(kind, rung_at)
    except OperationalError:
        # SQLite locks the whole database for a write.
        _ring(kind, rung_at)


def _ring(kind: Doorbell, rung_at: datetime) -> None:
    with create_session(scoped=False) as session:
        assets = session.scalars(select(AssetModel).where(AssetModel.uri == kind.uri, AssetModel.active.has())).all()
        if not assets:
            raise NotReadyError(f"no DAG names the asset {kind.uri}, so a ring would start none")
        for asset in assets:
            # With a partition key, the event would start no DAG without partitions.
            asset_manager.register_asset_change(
                asset=asset,
                extra={"kind": kind.value, "rung_at": rung_at.isoformat(), "from_webhook": True},
                session=session,
                source_is_api=True,
            )
