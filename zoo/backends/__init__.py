"""What can run a model: discovery, the host that drives workers, and the inputs they are fed."""
