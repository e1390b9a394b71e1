"""The configuration file: one frozen value, every mistake named."""
