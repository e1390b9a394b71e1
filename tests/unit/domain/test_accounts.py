import hashlib
from datetime import UTC, datetime

import pytest

from steelyard.domain.accounts import KEY_PREFIX, Account, Key, hash_secret

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("name", ["demo", "a", "team-1.eu_2", "x" * 63])
def test_an_account_has_a_plain_name(name: str) -> None:
    assert Account("acc_1", None, name, NOW).name == name


@pytest.mark.parametrize("name", ["", "Demo", "a/b", "-a", "x" * 64, "a\n"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="account name"):
        Account("acc_1", None, name, NOW)


def test_of_a_key_only_the_hash_is_kept() -> None:
    secret = KEY_PREFIX.encode() + b"secret"
    key = Key("key_1", hash_secret(secret), "sk-se", "acc_1", "mine", NOW)
    assert key.secret_hash == hashlib.sha256(secret).digest()
    assert "secret" not in repr(key).replace("secret_hash", "")
