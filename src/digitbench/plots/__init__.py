"""Figures: data in, matplotlib figure out; `style` turns them into files."""
