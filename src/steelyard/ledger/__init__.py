"""From the journal to the ledger, exactly once; balances and reports."""
