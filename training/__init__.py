"""Offline training in PyTorch; not installed with the package."""
