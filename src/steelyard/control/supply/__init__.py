"""Supply measured through the gateway and watched in what was booked."""
