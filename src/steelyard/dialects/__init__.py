"""Bytes to calls and back, one file a dialect; pure."""
