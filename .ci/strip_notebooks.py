"""Takes the outputs out of notebooks, which are executed where they are shown; exit code 1 where there were any.

Usage: python .ci/strip_notebooks.py [--check] NOTEBOOK...        (--check: say so only)
"""

import sys
from pathlib import Path

import nbformat


def stripped(path: Path) -> nbformat.NotebookNode:
    """The notebook without outputs, execution counts and what an editor noted of its run."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            cell.metadata.pop("execution", None)
    return notebook


def main(arguments: list[str]) -> int:
    """Strip each notebook, or check only; the number of those with outputs, at most 1."""
    check = "--check" in arguments
    found = False
    for path in (Path(each) for each in arguments if each != "--check"):
        bare = stripped(path)
        if bare == nbformat.read(path, as_version=4):
            continue
        found = True
        print(f"{path} holds outputs: python .ci/strip_notebooks.py {path} takes them out" if check else path)
        if not check:
            nbformat.write(bare, path)
    return int(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
