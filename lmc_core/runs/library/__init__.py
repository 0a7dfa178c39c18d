"""What this host knows: models, data, uploads and their limits."""
