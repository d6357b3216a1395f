"""Sources of frames: simulated PTZ, wide, bag, USB. No ROS, no torch."""
