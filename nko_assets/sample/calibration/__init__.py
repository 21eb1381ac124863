"""How the trust model is calibrated: lessons with known text, really read, and a simulated large model.

`python -m nko_assets.sample.calibration pages | fit`; `reading/trust/weights/MODEL_CARD.md` has more.
"""
