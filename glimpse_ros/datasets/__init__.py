"""Readers of images, panoramas and bags in NumPy: cameras, evaluation and training share them. No torch, no ROS."""
