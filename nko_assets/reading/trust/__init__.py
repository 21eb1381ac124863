"""How far a reader is to be trusted that does not know it itself: a probability for each entry.

A large model says 0.95 whatever it read. So its entries are compared with what the offline reader
saw on the same frame, with what the validator says, with a dictionary and with the romanization
shown; a logistic regression fitted on rendered frames (`nko_assets.sample.calibration`) makes one number of it, the
probability that the N'Ko text is exactly right. `weights/MODEL_CARD.md` says what it is worth.
"""
