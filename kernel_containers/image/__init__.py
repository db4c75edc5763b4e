"""Layers, configs and manifests, and the store they lie in."""
