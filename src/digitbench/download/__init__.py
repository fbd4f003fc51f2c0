"""Digits from elsewhere, fetched and verified."""
