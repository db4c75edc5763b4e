from setuptools import find_packages, setup

version: dict[str, str] = {}
exec(open("kernel_containers/_version.py").read(), version)
setup(name="kernel_containers", version=version["__version__"], packages=find_packages(include=["kernel_containers", "kernel_containers.*"]), python_requires=">=3.11")
