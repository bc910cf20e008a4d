"""Building the container images of the operator and of the example agents, and the install manifest."""
