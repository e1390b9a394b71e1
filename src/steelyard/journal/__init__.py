"""The one record format that the worker writes and the scribe reads."""
