"""Record what retraining reads: the images, the camera's calibration and where it looked, as a rosbag2 bag.

    ros2 launch glimpse_ros record.launch.py out:=bags/monday
    ros2 launch glimpse_ros record.launch.py image:=/front/image_raw/compressed camera_info:=/front/camera_info

Ctrl-C ends the recording and completes the bag.
"""

from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction

from launch import LaunchContext, LaunchDescription

ARGUMENTS = (
    ("image", "image", "image topic, raw or compressed"),
    ("camera_info", "camera_info", "calibration topic"),
    ("view_state", "view_state", "where the camera looks (JointState)"),
    ("next_view", "next_view", "where it was sent (JointState)"),
    ("namespace", "", "namespace of those topics that do not begin with /"),
    ("out", "", "folder of the bag; by default rosbag2_ and the time"),
    ("storage", "", "sqlite3 or mcap; by default rosbag2's own"),
    ("split_mib", "2048", "a new file is begun after so many MiB"),
)
TOPICS = ("image", "camera_info", "view_state", "next_view")


def record(context: LaunchContext) -> list[ExecuteProcess]:
    """The recorder's command line."""
    value = context.launch_configurations
    namespace = value["namespace"].strip("/")
    prefix = f"/{namespace}/" if namespace else "/"
    command = ["ros2", "bag", "record", "--max-bag-size", str(int(value["split_mib"]) << 20)]
    if value["storage"]:
        command += ["--storage", value["storage"]]
    if value["out"]:
        command += ["--output", value["out"]]
    topics = [value[name] if value[name].startswith("/") else prefix + value[name] for name in TOPICS]
    # Topics are arguments of their own up to Jazzy, and of --topics after; a regular expression serves all releases.
    command += ["--regex", f"^({'|'.join(topics)})$"]
    return [ExecuteProcess(cmd=command, output="screen", name="record")]


def generate_launch_description() -> LaunchDescription:
    """Called by the launcher."""
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=text)
                for name, default, text in ARGUMENTS
            ),
            OpaqueFunction(function=record),
        ]
    )
