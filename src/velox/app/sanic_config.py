"""What Velox's settings are in Sanic's configuration."""

from __future__ import annotations

from typing import Any

from velox.settings import Settings

__all__ = ["sanic_config"]


def sanic_config(settings: Settings) -> dict[str, Any]:
    """The values of Sanic's own keys."""
    return {
        "AUTO_EXTEND": False,
        "ACCESS_LOG": False,
        "MOTD": False,
        "GRACEFUL_SHUTDOWN_TIMEOUT": settings.grace_s,
        "REQUEST_MAX_SIZE": max(settings.max_json_body_bytes, settings.max_form_body_bytes),
        # What Velox's protocol takes from here too, and what the settings mean for Sanic's own.
        "KEEP_ALIVE": settings.keep_alive_s > 0,
        "KEEP_ALIVE_TIMEOUT": settings.keep_alive_s,
        "REQUEST_MAX_HEADER_SIZE": settings.max_head_bytes,
        "REQUEST_TIMEOUT": settings.head_timeout_s,
        "RESPONSE_TIMEOUT": settings.response_timeout_s,
        "WEBSOCKET_MAX_SIZE": settings.websocket_max_bytes,
        "WEBSOCKET_PING_INTERVAL": settings.websocket_ping_s or None,
        "WEBSOCKET_PING_TIMEOUT": settings.websocket_ping_s or None,
        # The touch-up rewrites methods of the class Sanic for one app; a second app in the process suffers.
        "TOUCHUP": False,
    }
