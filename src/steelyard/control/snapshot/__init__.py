"""What workers serve from: compiled from the database, and published."""
