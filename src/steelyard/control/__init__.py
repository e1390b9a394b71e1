"""The control plane: configuration, snapshot compiler, leases, jobs and the admin API."""
