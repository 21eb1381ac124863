"""Training the N'Ko line recognizer: rendered lines, augmentation, the network, export, evaluation.

Training, training on and exporting need the extra `train` (torch, onnx); rendering and evaluating
do not.
"""
