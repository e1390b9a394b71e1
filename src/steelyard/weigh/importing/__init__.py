"""Tests that were written for other programs, as tasks and sets of ours; one file each program."""
