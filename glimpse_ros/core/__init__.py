"""Numpy, OpenCV and onnxruntime only: nothing in here knows ROS or torch."""
