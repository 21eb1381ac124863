"""What the README says about configuration and files is what the code does."""

import re
from pathlib import Path

from nko_assets.settings import Settings, variable

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_configuration_lists_every_setting_with_its_meaning():
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| [^|]* \| (.*) \|$", README, flags=re.M))
    assert rows == {
        variable(name): field.description for name, field in Settings.model_fields.items()
    }


def test_every_file_and_picture_that_is_linked_is_there():
    links = re.findall(r"\]\((?!https?://)([^)#]+)\)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_module_that_is_named_is_there():
    named = re.findall(r"`(nko_assets/[\w/]+\.py)`", README)
    assert [path for path in named if not (ROOT / path).is_file()] == []
