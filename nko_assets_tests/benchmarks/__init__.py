"""What `nko bench` measures, each module against named alternatives."""
