"""A page that edits faces in the browser, without a server: a folder, or one HTML file.

What it shows is given as files by name: ``about.json``, networks, codes, and so on. The rest is
the studio's own page, as far as a page without a server has use for it, and the runtime.
"""

import base64
import gzip
import hashlib
import html
import json
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template

from lik.export.packing import packed_script, packed_style

BEGIN, NEXT, WORKER = "exported.js", "page.js", "networks.js"
"""The modules with which page and worker begin, and what the page loads at once."""
STYLES = ("style.css", "tabs.css", "present.css", "mix.css", "map.css", "taps.css")
RUNTIME = "runtime/onnxruntime-web"
MODEL = "../model"
"""Where the given files lie, seen from the page's own."""

_PACKAGE = Path(str(resources.files("lik")))
_STATIC, _TEMPLATES = _PACKAGE / "studio" / "static", _PACKAGE / "export" / "templates"
_IMPORT = re.compile(r'(\bfrom\s*|\bimport\s*|\bawait import\()"(\.{1,2}/[^"]+)"')
_MAP = re.compile(rb"^//# sourceMappingURL=.*\n?", re.MULTILINE)
"""Where the map of a packed module lies, which is not there."""
_TEXT = frozenset({".js", ".css", ".json"})
_ESCAPED = {byte: b"=" + bytes([byte ^ 64]) for byte in b"\0\r<="}
"""Bytes that HTML would change, or that begin something in it."""
_STARTING_STYLE = (
    ":root{color-scheme:light dark}#starting{position:fixed;inset:35vh 10vw auto;margin:0 auto;"
    "max-width:34em;font:1rem/1.5 system-ui,sans-serif}"
)
_STARTING = "The page is opening."
_STARTING_FOLDER = (
    "The page is opening. If it never does, it was opened as a file: run "
    "python -m http.server in its folder, and open the address that this prints."
)
_SHARED_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True)
class PageFiles:
    """The page's own files by name.

    Attributes:
        modules, worker: names of the modules of page and worker, each after those that it imports.
        first: those of the page's modules that it begins with.
    """

    files: Mapping[str, bytes]
    modules: tuple[str, ...]
    first: tuple[str, ...]
    worker: tuple[str, ...]


def own_files() -> PageFiles:
    """The page's own files: modules that it reaches, styles, words, licences, and the runtime."""
    modules, worker = _modules_of(BEGIN), _modules_of(WORKER)
    first = {**_modules_of(BEGIN, lazily=False), **_modules_of(NEXT, lazily=False)}
    others = [*STYLES, "icon.png"]
    others += [str(p.relative_to(_STATIC)) for p in sorted((_STATIC / "vendor").rglob("LICENSE"))]
    files = {name: (_STATIC / name).read_bytes() for name in others}
    for name in STYLES:
        files[name] = packed_style(files[name].decode()).encode()
    code = "\n".join(data.decode() for data in modules.values())
    for path in sorted((_STATIC / "i18n").glob("*.json")):
        words = json.loads(path.read_text(encoding="utf-8"))
        kept = {key: text for key, text in words.items() if _is_asked(key, code)}
        files[f"i18n/{path.name}"] = json.dumps(
            kept, ensure_ascii=False, separators=(",", ":")
        ).encode()
    runtime = _PACKAGE / "export" / "runtime"
    for path in sorted((runtime / "onnxruntime-web").iterdir()):
        files[f"{RUNTIME}/{path.name}"] = path.read_bytes()
        if path.suffix == ".mjs":
            worker[f"{RUNTIME}/{path.name}"] = path.read_bytes()
    return PageFiles({**modules, **worker, **files}, tuple(modules), tuple(first), tuple(worker))


def write_folder(out: Path, title: str, given: Mapping[str, bytes]) -> None:
    """Write the page into an empty folder, for any web server."""
    own = own_files()
    files = {f"static/{name}": data for name, data in own.files.items()}
    files |= {f"model/{name}": data for name, data in given.items()}
    for name, data in files.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    links = [f'<link rel="stylesheet" href="static/{name}">' for name in STYLES]
    preloads = [f'<link rel="modulepreload" href="static/{name}">' for name in own.first]
    policy = (
        f"{_SHARED_POLICY}; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; "
        "style-src 'self'; img-src 'self' blob: data:; connect-src 'self'"
    )
    page = _page(
        charset="utf-8", policy=policy, title=title, starting=_STARTING_FOLDER, tail="",
        head="\n".join([
            '<link rel="icon" href="static/icon.png" type="image/png">', *links, *preloads,
            f'<script type="module" src="static/{BEGIN}"></script>',
        ]),
    )  # fmt: skip
    (out / "index.html").write_bytes(page)


def single_file(title: str, given: Mapping[str, bytes]) -> bytes:
    """The page as one HTML file, which needs no server at all."""
    own = own_files()
    texts, packed = {}, {}
    for name, data in own.files.items():
        if name in own.modules or name in own.worker:
            texts[name] = _named(name, data.decode())
        elif Path(name).suffix in _TEXT or Path(name).name == "LICENSE":
            texts[name] = data.decode()
        else:
            packed[name] = data
    packed |= {f"{MODEL}/{name}": data for name, data in given.items()}
    packed["texts"] = json.dumps(texts).encode()
    held, files = bytearray(), {}
    for name, data in packed.items():
        stride = _stride(name, data)
        small = _packed(data, stride) if stride else data
        files[name] = [len(held), len(small), stride]
        held += small
    index = {
        "begin": BEGIN, "modules": own.modules, "worker": own.worker, "styles": STYLES,
        "files": files, "length": len(held),
    }  # fmt: skip
    boot = (_TEMPLATES / "held.js").read_text()
    policy = (
        f"{_SHARED_POLICY}; script-src {_hash(boot)} blob: data: 'wasm-unsafe-eval'; "
        "worker-src data:; "
        f"style-src {_hash(_STARTING_STYLE)}; img-src blob: data:; connect-src 'none'"
    )
    icon = base64.b64encode(own.files["icon.png"]).decode()
    before, after = _page(
        charset="windows-1252", policy=policy, title=title, starting=_STARTING,
        head=f'<link rel="icon" href="data:image/png;base64,{icon}">\n'
        f"<style>{_STARTING_STYLE}</style>",
        tail=f'<script type="application/json" id="index">{json.dumps(index)}</script>\n'
        f'<script type="text/plain" id="held">\0</script>\n<script>{boot}</script>',
    ).split(b"\0")  # fmt: skip
    return before + _escaped(bytes(held)) + after


def _stride(name: str, data: bytes) -> int:
    """The bytes of a number in a file that is to be packed; 0 where it is packed already."""
    if data.startswith((b"\x1f\x8b", b"\x89PNG")):
        return 0
    return {".onnx": 2, ".bin": 4}.get(Path(name).suffix, 1)


def _packed(data: bytes, stride: int) -> bytes:
    """Bytes gzipped, all first ones of numbers before all second ones: they are more alike."""
    return gzip.compress(b"".join(data[i::stride] for i in range(stride)), 9, mtime=0)


def is_page(path: Path) -> bool:
    """Whether a folder or a file is a page that was written here, or an empty folder."""
    if path.is_file():
        with open(path, "rb") as file:
            return b'<meta name="generator" content="Lik">' in file.read(2048)
    names = {one.name for one in path.iterdir()}
    return not names or (
        names == {"index.html", "static", "model"} and is_page(path / "index.html")
    )


def _modules_of(begin: str, lazily: bool = True) -> dict[str, bytes]:
    """A module and those that it reaches, each after those that it imports.

    ``lazily``: also those that it loads when it needs them.
    """
    modules: dict[str, bytes] = {}
    _collect(begin, modules, (), lazily)
    return modules


def _is_asked(key: str, code: str) -> bool:
    """Whether modules ask for words: by their key, by its beginning, or for a plural."""
    parts = key.split(".")
    stems = [".".join(parts[:length]) for length in range(1, len(parts))]
    plural = bool(stems) and f'"{stems[-1]}"' in code
    return f'"{key}"' in code or plural or any(f"`{stem}.${{" in code for stem in stems)


def _collect(name: str, modules: dict[str, bytes], above: tuple[str, ...], lazily: bool) -> None:
    """Add a module after those that it imports."""
    assert name not in above, f"modules that import each other: {[*above, name]}"
    if name in modules:
        return
    data = _MAP.sub(b"", (_STATIC / name).read_bytes())
    if not name.startswith("vendor/"):
        data = packed_script(data.decode()).encode()
    for how, other in _IMPORT.findall(data.decode()):
        if lazily or "await" not in how:
            _collect(_resolved(name, other), modules, (*above, name), lazily)
    modules[name] = data


def _resolved(name: str, other: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), other))


def _named(name: str, text: str) -> str:
    """A module whose imports are names that the page turns into addresses."""
    return _IMPORT.sub(lambda found: f'{found[1]}"lik:{_resolved(name, found[2])}"', text)


def _page(title: str, policy: str, **parts: str) -> bytes:
    template = Template((_TEMPLATES / "page.html").read_text())
    whole = template.substitute(
        title=html.escape(title), policy=html.escape(policy, False), **parts
    )
    return whole.encode("ascii", "xmlcharrefreplace")


def _hash(text: str) -> str:
    """What a policy calls an inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _escaped(data: bytes) -> bytes:
    """Bytes as they can stand in an HTML file in windows-1252."""
    data = data.replace(b"=", _ESCAPED[ord("=")])
    for byte, escaped in _ESCAPED.items():
        if byte != ord("="):
            data = data.replace(bytes([byte]), escaped)
    return data
