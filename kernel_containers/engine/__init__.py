"""The Docker Engine API: endpoint, containers, images and their streams."""
