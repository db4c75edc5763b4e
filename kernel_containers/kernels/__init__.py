"""Kernelspecs whose kernels live in Docker containers."""
