"""Jupyter kernels inside Docker containers, and notebooks as container images."""
