"""A review of committed results: what differs between two revisions beyond luck."""
