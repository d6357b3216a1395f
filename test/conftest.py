"""Lets every test import the helpers beside this file, such as `onnx_graphs`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
