"""Where an answer that looks good may hide an error, found without decoding it."""

from __future__ import annotations

import msgspec
import pytest

from steelyard.dialects.error_table import NO_ERRORS, ErrorRow, ErrorTable, alarm

TABLE = ErrorTable((), ("base_resp.status_code", "code"))


@pytest.mark.parametrize(
    ("body", "is_alarming"),
    [
        (b'{"base_resp":{"status_code":1008}}', True),
        (b'{"base_resp":{"status_code" : 1008}}', True),
        (b'{"code":"AuthFailure"}', True),
        (b'{"code":-1}', True),
        (b'{"base_resp":{"status_code":0,"status_msg":""}}', False),
        (b'{"base_resp":{"status_code": 0}}', False),
        (b'{"code":"0"}', False),
        (b'{"code":""}', False),
        (b'{"code":null}', False),
        (b'{"content":"say \\"code\\": 7"}', False),
        (b"{}", False),
    ],
)
def test_only_codes_that_are_something_alarm(body: bytes, is_alarming: bool) -> None:
    found = alarm(TABLE)
    assert found is not None
    assert (found.search(body) is not None) is is_alarming


def test_a_table_that_asks_for_nothing_alarms_nobody() -> None:
    assert alarm(NO_ERRORS) is None


def test_a_table_survives_its_way_into_the_snapshot() -> None:
    table = ErrorTable((ErrorRow("out_of_money", 429, "1113"),), ("code",))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(table), type=ErrorTable) == table
