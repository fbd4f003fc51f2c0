"""How fast training is, against what people write by hand and against what the machine can do.

Not part of the pipeline: no stage imports this, and nothing here fails because of a duration.
"""
