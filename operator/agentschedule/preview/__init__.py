"""`agentschedule-operator next`: when a schedule in a file would run, by the code that the operator itself runs."""
