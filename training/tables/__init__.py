"""The papers' tables from exported bundles: `python -m training.tables METHOD`."""
