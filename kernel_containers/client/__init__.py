"""What a notebook imports; standard library only, on any Python from 3.8 on.

from kernel_containers import scrap

scrap("rows", 1234)
"""

from kernel_containers.client.scraps import scrap

__all__ = ["scrap"]
