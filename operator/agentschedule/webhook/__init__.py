"""Admission: what `kubectl apply` is told of an AgentSchedule before it is stored, and who is noted to have made it."""
