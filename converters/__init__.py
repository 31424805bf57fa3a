"""Files <-> ONNX, usable as a library without the command line."""
