"""Making the embedding models that ship with the package; needs torch and sentence-transformers."""
