"""What a result may depend on beside its settings: versions of Python and of libraries."""

import functools
import importlib.metadata
import platform


@functools.cache
def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that a result may depend on."""
    packages = ("ifp", "torch", "numpy", "scipy", "scikit-learn", "safetensors")
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in packages}}
