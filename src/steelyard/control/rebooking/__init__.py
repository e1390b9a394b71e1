"""What was booked, priced once more: to check it, or to book the difference."""
