"""Modules of tests that take half a minute or more on two cores, longest first.

They begin before all others, so that none of them is left alone at the end while a core idles.
What stands here changes the order only; measure with ``--durations=100`` now and then.
"""

LONGEST_FIRST = (
    "tests/clients/test_client_programs.py",
    "tests/integration/test_authenticity.py",
    "tests/integration/test_supply.py",
    "tests/programs/test_open_webui.py",
    "tests/integration/test_authenticity_live.py",
    "tests/contract/test_bridge_laws.py",
    "tests/integration/test_kill.py",
    "tests/clients/test_clients_of_a_real_model.py",
    "tests/integration/test_local_engine.py",
    "tests/e2e/test_newcomer.py",
)
