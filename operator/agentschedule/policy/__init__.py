"""What an unattended agent may do: administrators' policies, put together and asked for each run. Pure."""
