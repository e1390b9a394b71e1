"""Tests of ``steelyard.weigh``; a package, so that equal file names elsewhere do not clash."""
