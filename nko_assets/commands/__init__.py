"""Commands of the command line with subjects of their own; each module adds one to the app."""
