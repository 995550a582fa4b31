"""What operators ask the process: probes, health, metrics, and who they are (`whoami`)."""
