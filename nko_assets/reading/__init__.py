"""Turning frames into text: readers, their answers, validation and confidence."""
