"""How the trust model is fitted: frames that were really read, and a simulated large model.

`nko_assets.sample.known_pages` draws and reads the frames; `weights/MODEL_CARD.md` has the commands.
"""
