"""Images that run, and what their runs have written."""
