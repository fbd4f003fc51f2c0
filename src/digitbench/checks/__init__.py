"""What weakens a conclusion: methodological checks, each with its lesson."""
