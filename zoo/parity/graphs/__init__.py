"""ONNX graphs as the parity check handles them: edited, cut into layers, made to show every value."""
