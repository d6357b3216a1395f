"""Explore a recording: explore.launch.py with camera:=bag, and what fits one. All its other arguments serve as well.

    ros2 launch glimpse_ros playback.launch.py input:=my_bag
    ros2 launch glimpse_ros playback.launch.py input:=my.bag topic:=/camera/image_raw rate:=10 loop:=true
    ros2 launch glimpse_ros playback.launch.py input:=my_bag model:=mosaic memory:=decay glimpses_per_frame:=4

The camera node reads the bag itself, ROS 1 or ROS 2, so nothing is lost and nothing else has to play it. Of a wide
camera each frame is explored from an empty memory, by the bundle `adaglimpse-street`; a pan-tilt-zoom camera's frames
are remembered.
"""

from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import PathJoinSubstitution, ThisLaunchFileDir

from launch import LaunchDescription

ARGUMENTS = (
    ("input", None, "the bag: a folder, .bag, .mcap or .db3"),
    ("topic", "", "image topic; by default the one that suits best"),
    ("rate", "", "frames per second that are looked at; by default all"),
    ("speed", "1.0", "seconds recorded per second played"),
    ("loop", "false", "begin again at the end, with an empty memory"),
    ("glimpses_per_frame", "", "glimpses taken from each frame of a wide camera; by default 8 for memory:=per_frame"),
    ("memory", "", "from frame to frame: per_frame (a wide camera's default), carried (a PTZ's) or decay (it fades)"),
    ("glimpses", "", "glimpses of an episode; by default without end, and glimpses_per_frame for memory:=per_frame"),
)


def generate_launch_description() -> LaunchDescription:
    """Called by the launcher."""
    explore = PathJoinSubstitution([ThisLaunchFileDir(), "explore.launch.py"])
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=text)
                for name, default, text in ARGUMENTS
            ),
            IncludeLaunchDescription(PythonLaunchDescriptionSource(explore), launch_arguments=[("camera", "bag")]),
        ]
    )
