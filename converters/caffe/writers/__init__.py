"""ONNX chains as Caffe layers: the WRITE rows and their samples."""
