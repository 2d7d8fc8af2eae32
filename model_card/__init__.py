"""Writes the model card of a package folder from what training and measuring left in it."""
