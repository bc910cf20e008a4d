"""The demo behind `make demo`: the examples in a real cluster, and a live table of their schedules and runs."""
