"""What a worker does, one file per kind of run."""
