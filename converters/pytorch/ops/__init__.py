"""READ rows: the layers of torch.nn that the builders of architectures use, one family a file."""
