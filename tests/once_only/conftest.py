"""Never twice, never silently lost: sending operators over all tries of a task.

test_retries_and_clears
    retries and Clears after a crash at any point; order of writes, cost, privacy
test_unknown_outcomes
    an outcome that stays unknown: the three values of ``on_unknown_outcome``, the time limits
test_reconciled_outcomes
    an unknown outcome that the statement resolves: found, or surely absent
test_reconciling_rows
    which fields of a row identify a request
test_interrupted_waits
    a wait for the end that was interrupted: by a failed deferral, a failed XCom, a signal
test_changed_inputs
    tries that differ: other recipients, another account, an edited DAG, a run made again
test_kills
    a task that is ended by a user or by the platform: hanging up, cancelling, recording
"""

from ..airflow_world.fixtures import *  # noqa: F403
