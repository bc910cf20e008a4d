"""A run: the Job that is made for it, and what Jobs, pods and results say of it. Pure."""
