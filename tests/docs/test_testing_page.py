"""The test that the page "Write a test for a DAG" shows."""

# --8<-- [start:test]
from airflow_provider_directcall.hooks.directcall import DirectcallHook


def remind(conn_id: str, number: str) -> None:
    """Stand for a function of your DAG."""
    with DirectcallHook(conn_id) as hook:
        hook.send_sms(number, "Sua consulta é amanhã.", origin="5511990000001")


def test_one_reminder_is_sent(directcall_sandbox, directcall_connection):
    remind(directcall_connection, "5511990000002")
    state = directcall_sandbox.state()
    assert state["effects"]["messages_accepted"] == 1
    assert state["messages"][0]["destination"] == "5511990000002"


# --8<-- [end:test]
