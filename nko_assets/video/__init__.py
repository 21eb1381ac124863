"""Sampling frames from video files and telling which of them show something new."""
