"""ONNX chains as MXNet nodes: the WRITE rows and their samples."""
