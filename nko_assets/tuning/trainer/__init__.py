"""The open trainer: a chat model, new or known, tuned on the examples, on this machine or on GPUs.

`python -m nko_assets.tuning.trainer` reads chat messages and writes a model that anybody can load.
It needs the extra `train`; nothing here is imported before it is needed.
"""
