"""What of this machine enters an image."""
