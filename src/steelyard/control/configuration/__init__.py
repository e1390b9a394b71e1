"""From steelyard.yaml to the database: presets, channels and tasks filled in."""
