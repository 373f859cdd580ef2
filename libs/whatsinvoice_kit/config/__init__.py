"""Settings of a process: where they come from, what makes them unsafe, how they are shown."""
