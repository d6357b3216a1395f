"""Explore a scene: a camera node where one is needed, the scene node and the policy node, brought up to active.

    ros2 launch glimpse_ros explore.launch.py                                       # a driver publishes `image`
    ros2 launch glimpse_ros explore.launch.py camera:=usb input:=0 hfov:=1.2
    ros2 launch glimpse_ros explore.launch.py camera:=sim glimpses:=12 policy:=uncertainty model:=mosaic
    ros2 launch glimpse_ros explore.launch.py image:=/front/image_raw command_interface:=joint_trajectory
    ros2 launch glimpse_ros explore.launch.py image:=/front/image_raw model:=adaglimpse-street memory:=per_frame
    ros2 launch glimpse_ros explore.launch.py --show-args

An argument left empty leaves the parameter as the file `params_file` has it; where that is our own, a camera that this
file knows gets what suits it: the simulated one the panorama bundle, a wide one adaglimpse-street, and of a wide one
that sees one image after the other each is explored from an empty memory. What moves through such an image would
otherwise be remembered where it no longer is.

The nodes are lifecycle nodes that take themselves to active (their parameter `autostart`), rather than being told to
by this file: so a node that is started again comes back active, nothing is lost between a launcher's event and a node
that is not up yet, and it works with every ROS 2 release. With `autostart:=false` a lifecycle manager does it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.substitutions import EnvironmentVariable
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from launch import LaunchContext, LaunchDescription

SHARE = get_package_share_directory("glimpse_ros")
PARAMS = f"{SHARE}/config/params.yaml"
CAMERA, SCENE, POLICY = "camera_node", "scene_node", "policy_node"
COMPRESSED = "/compressed"
GLIMPSES = "8"  # of a frame that is explored on its own


def boolean(text: str) -> bool:
    """true or false, in any case."""
    if text.lower() not in ("true", "false", "1", "0"):
        raise ValueError("true or false")
    return text.lower() in ("true", "1")


@dataclass(frozen=True)
class Argument:
    """A launch argument, and the parameters of the nodes that it sets where it is not empty."""

    name: str
    default: str
    text: str
    sets: tuple[tuple[str, str], ...] = ()  # (node, parameter)
    kind: Callable[[str], object] = str
    choices: tuple[str, ...] = ()

    def declare(self) -> DeclareLaunchArgument:
        """For the launcher."""
        return DeclareLaunchArgument(
            self.name, default_value=self.default, description=self.text, choices=self.choices or None
        )

    def value(self, text: str) -> object:
        """The parameter's value; raises RuntimeError, which the launcher shows as one line."""
        if self.kind is str:  # said, or the launcher reads 0 as a number
            return ParameterValue(text, value_type=str)
        try:
            return self.kind(text)
        except ValueError:
            wanted = {int: "a whole number", float: "a number", boolean: "true or false"}[self.kind]
            raise RuntimeError(f"{self.name}:={text} cannot be used: expected {wanted}") from None


EVERY = (CAMERA, SCENE, POLICY)
TOPICS = ("image", "camera_info", "view_state", "next_view")
COMMANDS = {  # the policy node's topics for drivers, by the argument that renames them
    "joint_command": ("~/joint_trajectory", "~/joint_command"),
    "pan_command": ("~/pan",),
    "tilt_command": ("~/tilt",),
    "zoom_command": ("~/zoom",),
}


def of(parameter: str, *nodes: str) -> tuple[tuple[str, str], ...]:
    """That parameter of these nodes."""
    return tuple((node, parameter) for node in nodes)


ARGUMENTS = (
    Argument(
        "camera",
        "topic",
        "where images come from: topic (a driver publishes them), usb, sim (a PTZ camera in a panorama), wide (an"
        " image, a folder or a video), bag",
        choices=("topic", "usb", "sim", "wide", "bag"),
    ),
    Argument(
        "input",
        "",
        "what the camera node reads: a device number, panorama, image, folder, video or bag; sim has its own",
        of("input", CAMERA),
    ),
    Argument(
        "model",
        "",
        "scene model: a bundle's folder or name, or mosaic; the default is panorama with camera:=sim, adaglimpse-street"
        " where the camera is known to be a wide one, else mosaic",
        of("model", SCENE, POLICY),
    ),
    Argument(
        "policy",
        "",
        "learned, random, grid, saliency, uncertainty, attention, quadtree, wide-then-zoom or tile-then-zoom;"
        " by default the bundle's own, if any",
        of("policy", POLICY),
    ),
    Argument("glimpses", "", "glimpses of an episode; 0: go on for ever, as a bag does", of("glimpses", POLICY), int),
    Argument(
        "loop", "", "begin again: an episode when it is done, an input at its end", of("loop", CAMERA, SCENE), boolean
    ),
    Argument(
        "hfov", "", "field of view at zoom 1 [rad], of a PTZ over the smaller side", of("hfov", CAMERA, SCENE), float
    ),
    Argument("seed", "", "of the first view and of all noise", of("seed", CAMERA, POLICY), int),
    Argument("fast", "", "sim: the camera moves in no time", of("fast", CAMERA), boolean),
    Argument("topic", "", "bag: the image topic; by default the one that suits best", of("topic", CAMERA)),
    Argument("rate", "", "frames per second; by default the camera's own", of("rate", CAMERA), float),
    Argument("speed", "", "bag: seconds recorded per second played", of("speed", CAMERA), float),
    Argument(
        "glimpses_per_frame",
        "",
        f"of a wide camera; by default {GLIMPSES} for memory:=per_frame",
        of("glimpses_per_frame", SCENE),
        int,
    ),
    Argument(
        "memory",
        "",
        "from frame to frame: carried, per_frame (each is a scene of its own: the default where one image of a wide"
        " camera follows the other) or decay (it fades)",
        of("memory", SCENE),
    ),
    Argument("namespace", "", "of the nodes and of their topics"),
    Argument("image", "image", "the image topic; a name that ends in /compressed is subscribed to as such"),
    *(Argument(name, name, f"the topic to use as {name}") for name in TOPICS[1:]),
    Argument(
        "command_interface",
        "",
        "what is published beside next_view, for a driver: view (nothing), joint_trajectory, joint_state or float64",
        of("command_interface", POLICY),
    ),
    Argument("joint_command", "", "the driver's topic for joint_trajectory or joint_state"),
    *(Argument(f"{axis}_command", "", f"the driver's topic for {axis}, a Float64") for axis in ("pan", "tilt", "zoom")),
    Argument("params_file", PARAMS, "YAML with the nodes' parameters"),
    Argument(
        "use_sim_time",
        "",
        "take time from /clock; a bag's camera node publishes it",
        of("use_sim_time", *EVERY),
        boolean,
    ),
    Argument("autostart", "true", "the nodes go to active by themselves", of("autostart", *EVERY), boolean),
    Argument("respawn", "false", "start a node again that has ended"),
    Argument("rviz", "false", "open RViz"),
    Argument("log_level", "info", "debug, info, warn, error or fatal"),
)


def fitting(camera: str, sequence: bool) -> str:
    """The bundle that is made for such a camera; none where nobody knows what it needs."""
    if camera == "sim":
        return f"{SHARE}/models/panorama"
    street = f"{SHARE}/models/adaglimpse-street"
    return street if (sequence or camera == "wide") and has(street, "scene") else ""


def has(folder: str, role: str) -> bool:
    """Whether there is a bundle with such a graph."""
    return folder != "" and Path(folder, f"{role}.onnx").is_file()


def is_sequence(path: str) -> bool:
    """Whether one image of a wide camera follows the other there; not where it cannot be read: the node will say so."""
    from glimpse_ros.cameras import base  # not at the top: where a driver publishes the images nothing is read here
    from glimpse_ros.core.types import GlimpseError

    try:
        return base.is_sequence(path)
    except (GlimpseError, OSError):
        return False


def overrides(given: dict[str, str]) -> dict[str, dict[str, object]]:
    """The parameters that the arguments set, by node."""
    found: dict[str, dict[str, object]] = {node: {} for node in EVERY}
    for argument in ARGUMENTS:
        if given[argument.name] != "":
            for node, parameter in argument.sets:
                found[node][parameter] = argument.value(given[argument.name])
    camera = given["camera"]
    if camera != "topic":
        found[CAMERA]["camera"] = ParameterValue(camera, value_type=str)
    if camera == "sim" and given["input"] == "":
        found[CAMERA]["input"] = ParameterValue(f"{SHARE}/config/scenes/courtyard.jpg", value_type=str)
    ours = given["params_file"] == PARAMS
    sequence = ours and (camera == "usb" or (camera in ("wide", "bag") and is_sequence(given["input"])))
    memory = given["memory"] or "per_frame" * sequence
    model = given["model"] or fitting(camera, sequence) * ours
    if model:
        for node in (SCENE, POLICY):
            found[node]["model"] = ParameterValue(model, value_type=str)
    if ours and (has(model, "policy") or has(f"{SHARE}/models/{model}", "policy")):
        found[POLICY].setdefault("policy", ParameterValue("learned", value_type=str))
    if memory == "per_frame":
        each = next(n for n in (given["glimpses_per_frame"], given["glimpses"], GLIMPSES) if n not in ("", "0"))
        found[SCENE] |= {"memory": ParameterValue(memory, value_type=str), "glimpses_per_frame": int(each)}
        found[POLICY].setdefault("glimpses", int(each))
    elif camera == "bag":  # a recording is looked at to its end
        found[POLICY].setdefault("glimpses", 0)
    if sequence or camera in ("sim", "usb", "wide"):  # with the others the scene node finds out
        found[SCENE]["camera"] = "ptz" if camera == "sim" else "wide"
    if camera == "bag":
        if found[CAMERA].pop("use_sim_time", False):
            found[CAMERA]["publish_clock"] = True
        else:  # what was recorded an hour ago is not stale
            found[SCENE]["max_frame_age"] = 0.0
    if given["image"].endswith(COMPRESSED):
        found[SCENE]["image_transport"] = "compressed"
    return found


def remappings(given: dict[str, str], node: str) -> list[tuple[str, str]]:
    """Of a node's topics."""
    renamed = [(topic, given[topic]) for topic in TOPICS if given[topic] != topic]
    if node == SCENE and given["image"].endswith(COMPRESSED):
        renamed[0] = (f"image{COMPRESSED}", given["image"])
    if node == POLICY:
        renamed += [(topic, given[name]) for name, topics in COMMANDS.items() if given[name] for topic in topics]
    return renamed


def bring_up(context: LaunchContext) -> list[Node]:
    """The nodes, once the arguments are known."""
    given = context.launch_configurations
    parameters = overrides(given)
    nodes = [
        Node(
            package="glimpse_ros",
            executable=name,
            name=name,
            namespace=given["namespace"],
            parameters=[given["params_file"], parameters[name]],
            remappings=remappings(given, name),
            arguments=["--ros-args", "--log-level", f"{name}:={given['log_level']}"],
            respawn=boolean(given["respawn"]),
            respawn_delay=2.0,
            output="screen",
            # SIGINT, then SIGTERM, then SIGKILL: all within five seconds of Ctrl-C.
            sigterm_timeout="2.5",
            sigkill_timeout="1.5",
        )
        for name in EVERY
        if name != CAMERA or given["camera"] != "topic"
    ]
    if boolean(given["rviz"]):
        shown = ("mosaic", "reconstruction", "uncertainty", "segmentation/color", "markers")
        nodes.append(
            Node(
                package="rviz2",
                executable="rviz2",
                namespace=given["namespace"],
                arguments=["-d", f"{SHARE}/config/glimpse.rviz"],
                # The file names topics absolutely; made relative they follow the namespace.
                remappings=[("/image", given["image"]), *((f"/{topic}", topic) for topic in shown)],
                output="log",
            )
        )
    return nodes


def generate_launch_description() -> LaunchDescription:
    """Called by the launcher."""
    return LaunchDescription(
        [
            *(argument.declare() for argument in ARGUMENTS),
            # As it comes, Fast DDS loses large best-effort images between processes: of 90 at 1080p none arrived. With
            # larger buffers at the sender 90 did, and other nodes need not be set up alike (with LARGE_DATA they
            # must: a node that has it and one that has not do not find each other).
            SetEnvironmentVariable(
                "FASTDDS_BUILTIN_TRANSPORTS",
                EnvironmentVariable("FASTDDS_BUILTIN_TRANSPORTS", default_value="DEFAULT?sockets_size=8MB"),
            ),
            OpaqueFunction(function=bring_up),
        ]
    )
