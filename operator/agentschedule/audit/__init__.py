"""Audit: what was done and what was refused, one record each, in a stream of its own. `docs/audit.md` is its schema."""
