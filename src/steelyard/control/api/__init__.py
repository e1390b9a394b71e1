"""The admin API: thin handlers; what they do is done by the store, the ledger and ``control``."""
