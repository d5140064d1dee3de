"""Every query of the service. Nothing outside this package writes SQL."""
