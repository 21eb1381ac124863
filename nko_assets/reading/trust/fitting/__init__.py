"""How the trust model is fitted: rendered frames that are really read, and a simulated large model.

`python -m nko_assets.reading.trust.fitting pages | fit`; see `weights/MODEL_CARD.md`.
"""
