"""The hub: ONNX as an onnx_ir model, and the machinery that reads layers into it."""
