"""Point a camera where it matters: learned visual exploration for ROS 2."""
