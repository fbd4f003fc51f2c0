"""MLflow, as a witness that may fall silent: no call in here ever stops a stage.

Runs are found by their tags, above all by the SHA-256 of the model file, never by an id kept in an
output: an id would change the hash of what carries it.

One module per stage that records, so that a change to one leaves the other stages up to date.
"""
