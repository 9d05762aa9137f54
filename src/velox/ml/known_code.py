"""Unpickling without running anybody's code but scikit-learn's: what else a pickle names is found before it is run.

A pickle runs what it names (``os.system``, a class of the project's own, ...). Here each name is looked at first: it
has to be an estimator, a transformer or a data structure of scikit-learn, NumPy, SciPy, pandas or joblib.
"""

from __future__ import annotations

import io
from typing import Any

from velox.ml.optional import needed

__all__ = ["ForeignCode", "load_known"]

BUILTINS = frozenset(
    {"bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object", "range", "set"}
    | {"slice", "str", "tuple"}
)
FUNCTIONS = frozenset(
    {
        ("_codecs", "encode"),
        ("collections", "OrderedDict"),
        ("collections", "defaultdict"),
        ("copyreg", "_reconstructor"),
        ("joblib.numpy_pickle", "NumpyArrayWrapper"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy._core.numeric", "_frombuffer"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy.core.multiarray", "scalar"),
        ("numpy.random", "__RandomState_ctor"),
        ("numpy.random._pickle", "__bit_generator_ctor"),
        ("numpy.random._pickle", "__generator_ctor"),
        ("numpy.random._pickle", "__randomstate_ctor"),
    }
)
"""What is called, of all that is no class."""
CYTHON = ("sklearn.", "numpy.random.")
"""Where compiled classes have constructors of their own for pickle."""
CLASSES = ("sklearn.", "scipy.sparse.", "numpy.random.")


class ForeignCode(Exception):
    """The pickle names code that is not scikit-learn's: ``module.name``."""


def load_known(content: bytes) -> Any:
    """The object that joblib or pickle wrote to ``content``.

    Raises:
        ForeignCode: It names other code, none of which has run.
        Exception: It cannot be unpickled.
    """
    numpy_pickle = needed("joblib.numpy_pickle")

    class KnownUnpickler(numpy_pickle.NumpyUnpickler):  # type: ignore[misc, name-defined]
        def find_class(self, module: str, name: str) -> Any:
            if module == "builtins" and name in BUILTINS:
                return super().find_class(module, name)
            if (module, name) in FUNCTIONS:
                return super().find_class(module, name)
            if module.startswith(CYTHON) and (name == "newObj" or name.startswith("__pyx_unpickle_")):
                return super().find_class(module, name)
            if module.startswith(CLASSES) or (module == "numpy" and "." not in name):
                found = super().find_class(module, name)
                if isinstance(found, type) and is_data(found, module):
                    return found
            raise ForeignCode(f"{module}.{name}")

    with numpy_pickle._validate_fileobject_and_memmap(io.BytesIO(content), "", None) as (stream, _):
        return KnownUnpickler("", stream, ensure_native_byte_order=True).load()


def is_data(found: type, module: str) -> bool:
    """Whether making one does nothing else: classes of scikit-learn's modules that it imported from elsewhere do not
    count."""
    return found.__module__.partition(".")[0] == module.partition(".")[0]
