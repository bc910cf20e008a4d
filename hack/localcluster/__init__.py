"""The local cluster behind ``make cluster``: see docs/local-cluster.md."""
