"""What only PyTorch itself can turn into ONNX: TorchScript archives, exported programs and modules in code."""
