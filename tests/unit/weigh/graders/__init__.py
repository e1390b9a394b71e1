"""Tests of ``steelyard.weigh.graders``; a package, so that equal file names elsewhere do not clash."""
