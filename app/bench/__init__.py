"""Measures how fast the live view is, in a headless browser: `python -m app.bench`. Needs the checks' packages and Chromium."""
