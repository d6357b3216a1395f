"""Explore a recording: explore.launch.py with camera:=bag, and what fits one. All its other arguments serve as well.

    ros2 launch glimpse_ros playback.launch.py input:=my_bag
    ros2 launch glimpse_ros playback.launch.py input:=my.bag topic:=/camera/image_raw rate:=10 loop:=true
    ros2 launch glimpse_ros playback.launch.py input:=my_bag memory:=per_frame glimpses_per_frame:=8 model:=panorama

The camera node reads the bag itself, ROS 1 or ROS 2, so nothing is lost and nothing else has to play it.
"""

from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import PathJoinSubstitution, ThisLaunchFileDir

from launch import LaunchContext, LaunchDescription

ARGUMENTS = (
    ("input", None, "the bag: a folder, .bag, .mcap or .db3"),
    ("topic", "", "image topic; by default the one that suits best"),
    ("rate", "", "frames per second that are looked at; by default all"),
    ("speed", "1.0", "seconds recorded per second played"),
    ("loop", "false", "begin again at the end, with an empty memory"),
    ("glimpses_per_frame", "1", "glimpses taken from each frame of a wide camera"),
    ("memory", "carried", "from frame to frame: carried, per_frame (each is a scene of its own) or decay (it fades)"),
    ("glimpses", "", "glimpses of an episode; by default without end, and glimpses_per_frame for memory:=per_frame"),
)


def budget(context: LaunchContext) -> None:
    """A recording is looked at to its end; a frame that is a scene of its own has its own glimpses."""
    given = context.launch_configurations
    if given["glimpses"] == "":
        given["glimpses"] = given["glimpses_per_frame"] if given["memory"] == "per_frame" else "0"


def generate_launch_description() -> LaunchDescription:
    """Called by the launcher."""
    explore = PathJoinSubstitution([ThisLaunchFileDir(), "explore.launch.py"])
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=text)
                for name, default, text in ARGUMENTS
            ),
            OpaqueFunction(function=budget),
            IncludeLaunchDescription(PythonLaunchDescriptionSource(explore), launch_arguments=[("camera", "bag")]),
        ]
    )
