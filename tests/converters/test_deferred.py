"""A conversion does not pay for what it does not use, and who uses it gets the real thing."""

from __future__ import annotations

import subprocess
import sys

from nets import small


def python(code: str, *arguments: object) -> str:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_conversion_does_not_load_sympy(tmp_path):
    code = (
        "import sys; from pathlib import Path; import converters; *files, out = map(Path, sys.argv[1:])\n"
        "converters.convert(files, 'onnx', out); print('onnx_ir' in sys.modules, 'sympy.core' in sys.modules)"
    )
    assert python(code, *small(tmp_path), tmp_path / "net.onnx") == "True False"


def test_the_engine_of_the_check_does_not_load_sympy_either():
    code = "import sys, zoo.parity.engine.__main__; print('onnx_ir' in sys.modules, 'sympy.core' in sys.modules)"
    assert python(code) == "True False"


def test_arithmetic_with_symbolic_dimensions_works_as_ever():
    code = "import converters, onnx_ir, sympy; print(onnx_ir.SymbolicDim('N') + 1, sympy.Integer(4) / 6)"
    assert python(code) == "N + 1 2/3"


def test_importing_the_library_alone_loads_nothing_heavy():
    code = "import sys, converters; print([name for name in ('numpy', 'onnx', 'onnx_ir') if name in sys.modules])"
    assert python(code) == "[]"
