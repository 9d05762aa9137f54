"""How the documentation site is built: ``make docs``."""

import sys
from pathlib import Path

from velox.cli.version import package_version

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "Velox"
author = "Velox contributors"
project_copyright = "Velox contributors"  # "copyright" would hide a builtin
release = package_version("velox-framework")
version = ".".join(release.split(".")[:2])

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "velox_reference"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"Velox {release}"
html_static_path: list[str] = []

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_inherit_docstrings = False
napoleon_numpy_docstring = False
