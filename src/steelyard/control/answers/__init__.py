"""Which models really answer, by the ledger."""
