"""The site side's commands, composed of the plugins."""
