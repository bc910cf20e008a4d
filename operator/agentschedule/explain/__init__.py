"""`agentschedule-operator explain`: which policy allows or forbids what, and what the limits come to."""
