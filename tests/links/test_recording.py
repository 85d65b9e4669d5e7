from __future__ import annotations

import pytest
from airflow.sdk import BaseOperator

from airflow_provider_directcall.links.recording import RecordingLink
from airflow_provider_directcall.operators.calls import DirectcallPlaceCallOperator
from airflow_provider_directcall.provider_info import get_provider_info
from airflow_provider_directcall.sensors.statement import DirectcallTaggedCallSensor


def test_the_provider_info_lists_the_link():
    assert get_provider_info()["extra-links"] == [f"{RecordingLink.__module__}.{RecordingLink.__name__}"]


@pytest.mark.parametrize("kind", [DirectcallPlaceCallOperator, DirectcallTaggedCallSensor])
def test_the_recording_link_is_on_what_waits_for_calls(kind):
    assert [link.name for link in kind.operator_extra_links] == ["Recording"]


def test_a_task_of_another_kind_has_no_recording():
    assert RecordingLink().get_link(BaseOperator(task_id="task"), ti_key="the task") == ""
