"""Write the repository's address, which stands once in pyproject.toml, into every badge, link and setup cell.

    python tools/stamp_repository.py            after the address in pyproject.toml has changed
    python tools/stamp_repository.py --check    name the files that still carry another one; status 1 if there are any

Addresses of other people's repositories stay as they are. Ours are known by their use: what a Colab badge opens,
what a setup cell clones, and what CITATION.cff names is this repository.
"""

import argparse
import re
import sys
import tomllib
from pathlib import Path

from simswap_lib.files import whole_file

ROOT = Path(__file__).resolve().parent.parent
SLUG = r"([\w.-]+/[\w-]+(?:\.(?!git\b)[\w-]+)*)"  # owner/name, without a closing .git
OURS = [
    re.compile(rf"colab\.research\.google\.com/github/{SLUG}"),
    re.compile(rf"clone\b[^\n]{{0,80}}?(?:\\n\",\n\s*\"[^\n]{{0,80}}?)?https://github\.com/{SLUG}"),
    re.compile(rf"^repository-code: \"?https://github\.com/{SLUG}", re.M),
]


def address(root: Path = ROOT) -> str:
    """The repository's address, from `project.urls` in pyproject.toml.

    Raises: ValueError if it is not of the form https://github.com/OWNER/NAME, the only one that Colab opens.
    """
    url = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]
    if not re.fullmatch(rf"https://github\.com/{SLUG}", url):
        raise ValueError(f"Repository in pyproject.toml should be https://github.com/OWNER/NAME, got {url}.")
    return url


def slugs(text: str) -> set[str]:
    """Owner/name of all addresses in a text that are this repository's by their use."""
    return {match.group(1) for pattern in OURS for match in pattern.finditer(text)}


def stamped_files(root: Path) -> list[Path]:
    files = [
        root / "README.md",
        root / "CONTRIBUTING.md",
        root / "CITATION.cff",
        *sorted(root.glob("notebooks/*.ipynb")),
    ]
    return [path for path in files if path.exists()]


def stamp(root: Path = ROOT, check: bool = False) -> list[Path]:
    """Return the files that carried another address; unless `check`, they now carry the right one."""
    new = address(root).removeprefix("https://github.com/")
    texts = {path: path.read_text(encoding="utf-8") for path in stamped_files(root)}
    old = set().union(*map(slugs, texts.values())) - {new}
    changed = []
    for path, text in texts.items():
        for slug in old:
            text = re.sub(rf"(github\.com/|google\.com/github/){re.escape(slug)}(?![\w-])", rf"\g<1>{new}", text)
        if text != texts[path]:
            changed.append(path)
            if not check:
                with whole_file(path) as temporary:
                    temporary.write_text(text, encoding="utf-8", newline="\n")
    return changed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; status 1 if something would change")
    check = parser.parse_args().check
    changed = stamp(check=check)
    for path in changed:
        print(f"{path.relative_to(ROOT)}: {'carries another address' if check else 'stamped'}")
    if not changed:
        print(f"Every address is {address()}.")
    return 1 if check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
