"""What is known of runs and models, as values."""
