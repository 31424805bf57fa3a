"""Runs an ONNX graph node by node in float32, float64 and perturbed float64, with numpy and ONNX's own reference."""
