"""Test sets, graders and statistics: which offer is good enough for which task."""
