"""Publishes what was trained: pushes packages and Spaces to a hub, writes release files, serves a hub on a laptop."""
