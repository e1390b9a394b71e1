"""Standing samples of proven offers: when to look, for how much money, what to tell."""
