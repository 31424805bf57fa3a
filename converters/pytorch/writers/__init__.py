"""Rows that write ONNX operators as PyTorch: a file an operator or a family of small ones."""
