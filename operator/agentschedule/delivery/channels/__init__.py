"""One module a channel; each has `send`, which says what became of it and raises nothing of the other side's."""
