"""Directcall's HTTP API: requests as data, replies as frozen dataclasses, one sync and one async client.

Nothing here imports Airflow. The functions of :mod:`.methods` describe requests, and a client sends them::

    with Client(Settings(client_id="...", client_secret="...")) as client:
        placed = client.send(methods.place_call("5511990000001", "5511990000002", tags={"customer": "42"}))
"""

from __future__ import annotations
