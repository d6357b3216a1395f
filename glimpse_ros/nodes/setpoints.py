"""A view as setpoints of a driver: signs, limits, slew rates. No ROS in here.

Clamping comes last, after sign and rate, in the device's own sense of direction: no setpoint leaves the limits.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..core.types import MountLimits, PanTiltZoom

Axes = tuple[float, float, float]  # pan [rad], tilt [rad], zoom [factor], as the device counts


@dataclass(frozen=True)
class Device:
    """A mount as its driver sees it: a sign of -1 counts the other way (right, up); a rate of 0 does not limit."""

    mount: MountLimits
    pan_sign: int = 1
    tilt_sign: int = 1
    rates: Axes = (0.0, 0.0, 0.0)  # rad/s, rad/s, factor/s

    def axes(self, ptz: PanTiltZoom) -> Axes:
        """The device's setpoint for a view, inside its limits."""
        return self.clamp((ptz.pan * self.pan_sign, ptz.tilt * self.tilt_sign, ptz.zoom))

    def clamp(self, axes: Axes) -> Axes:
        """Into the limits, which turn round with the sign."""
        pan, tilt, zoom = (
            min(max(value, min(sign * low, sign * high)), max(sign * low, sign * high))
            for value, sign, (low, high) in zip(
                axes,
                (self.pan_sign, self.tilt_sign, 1),
                (self.mount.pan, self.mount.tilt, self.mount.zoom),
                strict=True,
            )
        )
        return pan, tilt, zoom

    def towards(self, here: Axes, goal: Axes, seconds: float) -> Axes:
        """Where to be `seconds` later on the way from `here`, no axis faster than its rate."""
        pan, tilt, zoom = (
            g if rate <= 0.0 else h + min(max(g - h, -rate * seconds), rate * seconds)
            for h, g, rate in zip(here, goal, self.rates, strict=True)
        )
        return self.clamp((pan, tilt, zoom))

    def seconds(self, here: Axes, goal: Axes) -> float:
        """How long the way takes at the limit."""
        return max(0.0 if rate <= 0.0 else abs(g - h) / rate for h, g, rate in zip(here, goal, self.rates, strict=True))

    @property
    def limited(self) -> bool:
        """Whether any axis has a rate."""
        return any(rate > 0.0 for rate in self.rates)
