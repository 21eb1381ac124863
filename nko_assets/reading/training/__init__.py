"""Training the N'Ko line recognizer: rendered lines, augmentation, the network, export, evaluation.

Needs the extra `train` (torch, onnx); nothing outside this package imports it.
"""
