"""What a notebook imports; standard library only.

from kernel_containers.client import scrap

scrap("rows", 1234)
"""

from kernel_containers.client.scraps import scrap

__all__ = ["scrap"]
