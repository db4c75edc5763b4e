"""The only place that knows two stages."""
