"""Training the N'Ko line recognizer: rendered lines, augmentation, the network, export, evaluation.

Training and exporting need the extra `train` (torch, onnx); rendering and evaluating do not. Nothing
outside this package imports it.
"""
