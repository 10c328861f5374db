"""Join plain ES modules into the one that a widget carries.

The browser gets a widget's script as text: it has no address, so an `import "./cells.js"` in it
would lead nowhere. `joined` lays each imported file before the file that imports it and takes away
the words import and export. What comes out needs no server, no build and no network, and each `.js`
file stays a module that a page can import on its own.

Two forms are understood, at the start of a line; any other raises: `import { a, b } from
"./file.js";` (no renaming, for all files come to share one scope) and `export` before function or
const. The file asked for keeps its exports, `export default` among them.
"""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parent

_IMPORT = re.compile(r'^import \{\s*\w+(?:,\s*\w+)*,?\s*\} from "\./(\w+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?function |const )", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*|^.*\bimport\(.*", re.MULTILINE)


def joined(name: str, folder: Path = FOLDER) -> str:
    """The source of the module `name` and of all that it imports, as one ES module.

    Raises ValueError for an import or export of another form.
    """
    sources: dict[str, str] = {}
    _collect(name, folder, sources)
    entry = sources.popitem()[1]
    return "\n".join([*(_EXPORT.sub("", source) for source in sources.values()), entry])


def _collect(name: str, folder: Path, sources: dict[str, str]) -> None:
    source = (folder / name).read_text(encoding="utf-8")
    for imported in _IMPORT.findall(source):
        _collect(imported, folder, sources)
    sources[name] = _IMPORT.sub("", source)
    _check(name, sources[name])


def _check(name: str, source: str) -> None:
    plain = _EXPORT.sub("", source).replace("export default { render };\n", "")
    other = _OTHER.search(plain)
    if other:
        raise ValueError(
            f'{name}: an import must read `import {{ a, b }} from "./file.js";` and an export '
            f"`export function` or `export const`, got `{other[0].strip()}`"
        )
