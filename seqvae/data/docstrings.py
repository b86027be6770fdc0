"""`docstrings`: some 30,000 English sentences out of the docstrings of the packages that seqvae depends on.

A data set that needs no download. The packages' files are parsed, never imported; from each docstring come the sentences that
read as plain prose: 5 to 20 words, letters and common punctuation only, no code, no markup. The result depends on the installed
versions, which name the file, so it serves demonstrations and tests and not published numbers.
"""

from __future__ import annotations

import ast
import gc
import importlib.metadata
import importlib.util
import os
import re
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

from seqvae.data.cache import key_of
from seqvae.data.splits import digest_of

# packages by import name, and the distributions whose versions decide what they say
PACKAGES = {
    "torch": "torch",
    "transformers": "transformers",
    "numpy": "numpy",
    "safetensors": "safetensors",
    "accelerate": "accelerate",
    "pydantic": "pydantic",
    "yaml": "PyYAML",
    "typer": "typer",
    "rich": "rich",
    "matplotlib": "matplotlib",
    "pooch": "pooch",
    "rdkit": "rdkit",
}
VERSION = 1  # of the rules below
SHORTEST, LONGEST = 5, 20  # words

CODE = (
    ">>>",
    "...",
    "..",
    "#",
    "|",
    "+",
    "$",
    "@",
    "```",
    "import ",
    "from ",
    "def ",
    "class ",
    "if ",
    "for ",
    "return ",
    "assert ",
)
# "- name (`type`, *optional*): " and "Returns: " before the prose of an item
HEAD = re.compile(
    r"\s*(?:[-*+•]\s+|\d+[.)]\s+)?"
    r"(?:[`*]*[A-Za-z_][\w.]*[`*]*(?:\s*,\s*[`*]*[A-Za-z_][\w.]*[`*]*)*\s*(?:\((?:[^()]|\([^()]*\))*\))?\s*:(?=\s|$)\s*)?"
)
TYPED = re.compile(r"\s*[*`\w., ]+ : ")  # numpy's "name : type", whose prose follows on the next line
ROLE = re.compile(r":[\w:]+:`[~!.]*([^`<]*?)(?:\s*<[^`]*>)?`")  # :class:`~torch.Tensor`
TICKS = re.compile(r"``?([^`]+)``?")
NEXT = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
WORD = r"[A-Za-z]+(?:['-][A-Za-z]+)*"
SENTENCE = re.compile(rf"[A-Z][A-Za-z]*(?:['-][A-Za-z]+)*(?:[,;:]? {WORD}| \({WORD}(?:,? {WORD})*\))*\.")
IDENTIFIER = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]")  # camelCase, HTTPServer


def build(folder: Path) -> Path:
    """The file of sentences, one a line, under `folder`; made on the first call (some 20 s), then only looked up."""
    path = folder / f"docstrings-{key_of([VERSION, versions()])}.txt"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=folder, encoding="utf-8", delete=False) as stream:
            stream.writelines(f"{sentence}\n" for sentence in sentences())
        os.chmod(stream.name, 0o644)  # a temporary file is private, a cache may be shared
        os.replace(stream.name, path)
    return path


def versions() -> dict[str, str]:
    """The installed packages that the sentences come from, and their versions."""
    found = {}
    for package, distribution in PACKAGES.items():
        if importlib.util.find_spec(package) is not None:
            found[package] = importlib.metadata.version(distribution)
    return found


def sentences() -> list[str]:
    """All different sentences of all installed packages, in the order of their hashes, so that any first part is a mixture."""
    found: dict[str, str] = {}
    for package in versions():
        for docstring in docstrings(package):
            for sentence in prose(docstring):
                found.setdefault(sentence.lower(), sentence)
    return sorted(found.values(), key=digest_of)


def docstrings(package: str) -> Iterator[str]:
    """Every docstring in a package's files, read without importing it."""
    spec = importlib.util.find_spec(package)  # of a top-level package, so nothing is imported
    places = spec.submodule_search_locations if spec is not None else None
    collecting = gc.isenabled()
    gc.disable()  # syntax trees are large and hold no cycles: a collector would only walk them, a fifth of the time
    try:
        for path in sorted(Path(places[0]).rglob("*.py")) if places else []:
            yield from _docstrings_of(path.read_bytes())
    finally:
        if collecting:
            gc.enable()


def prose(docstring: str) -> Iterator[str]:
    """The plain English sentences of a docstring."""
    for item in _items(docstring):
        text = TICKS.sub(_name, ROLE.sub(_name, " ".join(item.split())))
        for sentence in NEXT.split(text):
            fits = SHORTEST <= sentence.count(" ") + 1 <= LONGEST
            if fits and SENTENCE.fullmatch(sentence) and not IDENTIFIER.search(sentence):
                yield sentence


def _docstrings_of(source: bytes) -> Iterator[str]:
    if b'"""' not in source:
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # other people's invalid escapes
            tree = ast.parse(source)
    except (SyntaxError, ValueError):  # a template, or the syntax of a later Python
        return
    yield from _walk(tree)


def _walk(node: ast.AST) -> Iterator[str]:
    """Docstrings in source order; only statements are visited, since none stands in an expression."""
    if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        docstring = ast.get_docstring(node)
        if docstring:
            yield docstring
    for block in ("body", "handlers", "orelse", "finalbody"):
        inner = getattr(node, block, None)
        for statement in inner if isinstance(inner, list) else []:
            yield from _walk(statement)


def _items(docstring: str) -> Iterator[str]:
    """Runs of prose: paragraphs, list items and the descriptions of arguments, without their heads; paragraphs of code left out."""
    for paragraph in re.split(r"\n\s*\n", docstring):
        lines = paragraph.splitlines()
        if any(line.lstrip().startswith(CODE) for line in lines):
            continue
        item: list[str] = []
        for line in lines:
            head = HEAD.match(line)
            start = head.end() if head is not None and head.group().strip() else 0
            if start or not line.strip(" -=~^*#"):  # a new item, or the rule under a heading
                yield " ".join(item)
                item = []
            item.append("" if TYPED.match(line) else line[start:])
        yield " ".join(item)


def _name(markup: re.Match[str]) -> str:
    """`torch.nn.Linear` in markup is called Linear in prose."""
    return markup.group(1).strip().rpartition(".")[2]
