"""What writes ONNX as nn modules: one family of operators a file."""
