"""How the process is, for those who operate it: probes, health and metrics."""
