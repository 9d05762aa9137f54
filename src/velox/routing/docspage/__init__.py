"""The API documentation page: files of our own, no build step, no content delivery network."""

from velox.routing.docspage.page import ASSET_NAMES, CACHE_CONTROL, CONTENT_SECURITY_POLICY, Asset, asset, page

__all__ = ["ASSET_NAMES", "CACHE_CONTROL", "CONTENT_SECURITY_POLICY", "Asset", "asset", "page"]
