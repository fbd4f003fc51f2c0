"""The report: sections made from the committed results, rendered as HTML and as Markdown."""
