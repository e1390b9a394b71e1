"""What an offer carries: hidden limits found by load, slowness told from ordinary calls."""
