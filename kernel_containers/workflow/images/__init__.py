"""From a notebook and its environment to an image, and what can be said about images."""
