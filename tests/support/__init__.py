"""Real servers and images that tests of several packages share."""
