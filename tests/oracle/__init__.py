"""Independent ground truth for receptive fields; imports nothing of the library under test."""
