"""Benchmarks: what a call costs, beside nginx and beside other gateways, within one run."""
