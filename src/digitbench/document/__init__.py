"""One model of a page, and its renderers."""
