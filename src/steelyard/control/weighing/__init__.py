"""Weighings as control runs them: who, in which order, for how much, and what comes of it."""
