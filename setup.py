"""Packaging of kernel_containers."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
version: dict[str, str] = {}
exec((HERE / "kernel_containers" / "_version.py").read_text(), version)

setup(
    name="kernel_containers",
    version=version["__version__"],
    description="Jupyter kernels inside Docker containers, and notebooks as container images",
    license="Apache-2.0",
    packages=find_packages(include=["kernel_containers", "kernel_containers.*"]),
    package_data={"kernel_containers": ["py.typed"]},
    include_package_data=False,
    python_requires=">=3.11",
    install_requires=[
        "asttokens>=2.4",
        "boto3>=1.36",
        "click>=8.1",
        "detect-secrets>=1.5",
        "docker>=7.1",
        "httpx>=0.27",
        "ipython>=8.18",
        "isal>=1.7",
        "jupyter_client>=8.6",
        "jupyter_server>=2.14,<3",
        "nbclient>=0.10",
        "nbconvert>=7.16",
        "nbformat>=5.10",
        "notebook>=7.2",
        "pip",
        "pyyaml>=6",
        "pyzmq>=25",
        "rich>=13",
        "tornado>=6.4",
        "traitlets>=5.14",
    ],
    entry_points={
        "console_scripts": ["kernel-containers = kernel_containers.cli.main:main"],
        "jupyter_client.kernel_provisioners": [
            "kernel-containers = kernel_containers.kernels.provisioner:ContainerProvisioner"
        ],
    },
    zip_safe=False,
)
