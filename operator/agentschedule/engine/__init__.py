"""From what is observed to what is done: registry, due heap, planner's caller, executor, status writer."""
