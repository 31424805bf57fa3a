"""Certificates of parity: what was compared with what, kept inside the ONNX file and beside it, and checked again."""
