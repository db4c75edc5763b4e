"""The entrypoint of a produced image."""
