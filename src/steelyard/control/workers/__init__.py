"""What control tells workers and hears of them: links, and leases of limits."""
