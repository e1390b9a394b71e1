"""Rates, what held when, and what a call costs; pure."""
