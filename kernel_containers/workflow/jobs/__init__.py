"""Long operations inside the server: queued, followed, remembered."""
