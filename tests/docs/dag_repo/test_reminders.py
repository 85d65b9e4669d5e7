"""Tests of a DAG of yours."""

import pytest
from airflow.dag_processing.dagbag import DagBag

from airflow_provider_directcall.sandbox import Fault

FAST = {"poll_interval": 1.0, "settle_seconds": 2.0}


@pytest.fixture(scope="session")
def dags():
    return DagBag()


def test_the_files_have_no_wrong_argument(dags):
    assert dags.import_errors == {}


@pytest.fixture
def run(dags, directcall_sandbox, directcall_connection):
    """Run the DAG, in an account whose statement has rows."""
    directcall_sandbox.seed(1, step_seconds=86400, kind="messages")
    return lambda: dags.dags["reminders"].test(run_conf=FAST)


def test_all_but_the_refused_number_are_texted(run, directcall_sandbox):
    assert run().state == "success"
    assert directcall_sandbox.state()["effects"]["messages_accepted"] == 2


@pytest.mark.parametrize(("lost", "requests"), [("cut_after", 1), ("cut_before", 2)])
def test_a_lost_answer_texts_nobody_twice(run, directcall_sandbox, lost, requests):
    directcall_sandbox.inject(Fault(kind=lost, endpoint="sms/send", times=1))
    assert run().state == "success"
    state = directcall_sandbox.state()
    assert state["effects"]["messages_accepted"] == 2
    assert state["requests"]["sms/send"] == requests


def test_directcall_is_down_for_a_moment(run, directcall_sandbox):
    directcall_sandbox.inject(Fault(kind="html_503_before", endpoint="*", times=3))
    assert run().state == "success"
