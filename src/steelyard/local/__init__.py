"""Models that run on this machine: their files and the embedded engine."""
