"""The command line: thin commands over the control plane."""
