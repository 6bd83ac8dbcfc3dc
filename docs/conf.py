"""The site of the documentation: `make docs` builds it into build/docs, without a network."""

import builtins
import sys
from pathlib import Path

# whose names stand in annotations: no index of theirs is fetched, so that they are shown without a link
FOREIGN = "|".join(
    (
        *dir(builtins),
        "annotations|collections|concurrent|dataclasses|distributed|enum|h5py|matplotlib|np|numpy|optional|pandas",
        "pathlib|PIL|plt|pd|posix|scipy|sequence|sklearn|torch|typing|zipfile|Client|Figure|Module",
    )
)
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_extensions")]

project = "ifp"
author = "the authors of ifp"
copyright = "the authors of ifp, Apache-2.0"
release = "0.1.0"

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "myst_parser",
    "local_math",
    "public_names",
    "command_reference",
]
exclude_patterns = ["_extensions"]
root_doc = "index"
nitpicky = True
smartquotes_action = "D"  # dashes alone; options stand in code
nitpick_ignore_regex = [("py:.*", rf"({FOREIGN})(\..*)?")]
nitpick_ignore = [("py:class", "RunFindings")]  # a union, named for type checkers alone
html_math_renderer = "mathml"

myst_enable_extensions = ["dollarmath", "deflist", "colon_fence"]
myst_heading_anchors = 3
myst_links_external_new_tab = False

napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True, "ignore-module-all": True}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 110
add_module_names = False
toc_object_entries_show_parents = "hide"

highlight_language = "text"
html_theme = "furo"
html_title = "ifp"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
