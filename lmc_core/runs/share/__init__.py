"""What leaves this host: bundles, public routes, default analyses."""
