"""Modules of tests that take a quarter of a minute or more on two cores, longest first.

They begin before all others, so that none of them is left alone at the end while a core idles.
What stands here changes the order only; measure with ``--durations=100`` now and then.
"""

LONGEST_FIRST = (
    "tests/clients/test_client_programs.py",
    "tests/integration/test_authenticity.py",
    "tests/integration/test_supply.py",
    "tests/programs/test_open_webui.py",
    "tests/clients/test_clients_of_a_real_model.py",
    "tests/integration/test_kill.py",
    "tests/integration/test_authenticity_live.py",
    "tests/e2e/test_newcomer.py",
    "tests/integration/test_drift_watch.py",
    "tests/programs/test_codex_cli.py",
    "tests/referees/test_referees.py",
    "tests/integration/test_weighing.py",
    "tests/contract/test_bridge_laws.py",
    "tests/integration/test_fleet_cluster.py",
    "tests/integration/test_supervisor.py",
    "tests/property/test_bridging_laws.py",
    "tests/integration/test_verdict_life.py",
    "tests/integration/test_local_engine.py",
    "tests/integration/test_control_gateway.py",
    "tests/property/test_bridging_costs.py",
    "tests/integration/test_weighing_stop.py",
    "tests/programs/test_aider.py",
)
