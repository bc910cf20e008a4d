"""Decisions: from what is observed of a schedule to a plan. Pure."""
