"""Calls that control makes through the gateway itself: their keys, and what they were booked at."""
