"""The page's tabs, one module each: `TITLE` and `build(...)`; their handlers are plain functions."""
