"""Case analysis: the failures of a task side by side, in clusters a person can check."""
