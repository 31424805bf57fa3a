"""Caffe's layers, one a file: the READ row and its samples."""
