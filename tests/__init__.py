"""Tests, one file a module. What a machine does not have (data, media, browser) skips its tests with a reason."""
