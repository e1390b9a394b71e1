"""Tests of ``steelyard.weigh.graders``."""
