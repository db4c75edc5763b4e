"""Containerized kernels: added, looked at, asked."""
