"""A worker, a triggerer, a clock and Airflow's stores in one process, against the local Directcall over HTTP.

Operators, triggers and sensors run as Airflow runs them, in milliseconds. A directory of tests takes part by importing
:mod:`.fixtures` in its conftest; most tests need ``world`` and ``run`` only.

``World`` (world.py)
    Time. Every wait of a task or trigger lands here and moves the sandbox's clock, the only clock there is. ``pauses``
    lists the waits, ``while_waiting`` runs in each of them, ``requests`` counts the requests per endpoint, ``meets``
    holds a function to run once at a point.
``Process`` (world.py)
    The worker of one try. ``dies="after voz/call"`` kills it at a point, as SIGKILL does: nothing after the point
    reaches the store or the network. Points are ``before`` or ``after`` an endpoint's path, ``before`` or ``after``
    ``write N`` (the try's Nth write to the state store, from 1), ``read``, ``delete`` and ``resting`` (a wait on the
    worker).
``Run`` (world.py)
    One task instance over its tries: ``start`` runs until the end or the first deferral, ``go_on`` from the deferral to
    the end, ``to_the_end`` both, ``retry`` and ``clear`` begin the next try. Triggers and XComs pass through JSON.
``TaskInstance``, ``StateStore`` (world.py), ``Variables`` (variables.py)
    The parts of Airflow that a task uses: its instance, the state store of Airflow 3.3 (``remembers=False``: none, as
    in 3.1 and 3.2), and Variables, with ``is_down`` for an API server that fails.
``Kind`` (kinds.py)
    A call, an SMS or a voice message with its operator, endpoints and numbers; ``each_kind`` runs a test for all three.
``*_tasks.py``, ``trigger_examples.py``
    Short constructors of tasks and triggers, and the numbers and rules they use.
"""
