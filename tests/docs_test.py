"""The README says what the program does: its configuration table is the program's own. What README and
docs/architecture.md name exists. docs/security.md has the program's table of what each process may reach."""
import json
import os
import pathlib
import re
import subprocess

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / os.environ.get("TINTYPE_BUILD", "build") / "tintyped"


def markdown_of_program():
    return subprocess.run([PROGRAM, "--markdown"], check=True, capture_output=True, text=True).stdout


def test_readme_has_the_configuration_table():
    readme = (ROOT / "README.md").read_text()
    between = readme.split("a test compares the two -->\n")[1].split("<!-- end of configuration")[0]
    assert between.strip() == markdown_of_program().strip()


def test_readme_names_only_files_that_exist():
    readme = (ROOT / "README.md").read_text()
    tour = readme.split("## Source tour")[1].split("\n## ")[0]
    named = [word for word in tour.replace("`", " ").replace(",", " ").split()
             if word.startswith(("src/", "sql/", "include/")) and "*" not in word]
    assert len(named) > 15
    missing = [name for name in named if not (ROOT / name).exists()]
    assert missing == []


def routes_of_program():
    """{path: methods} of the table in routes.c, each row of which has a handler or NULL for three kinds of method."""
    table = (ROOT / "src/web/routes.c").read_text().split(" routes[] = {")[1].split("\n};")[0]
    rows = re.findall(r"\{(?:true|false), \{(.*?)\}, \{(\w+), (\w+), (\w+)\}\}", table)
    assert len(rows) == len(re.findall("true|false", table)) >= 10
    kinds = {"get", "head"}, {"post"}, {"delete"}
    return {"/" + "/".join(re.findall(r'"([^"]+)"', segments)):
            set().union(*(kind for kind, handler in zip(kinds, handlers) if handler != "NULL"))
            for segments, *handlers in rows}


def test_documents_have_every_route():
    routes = routes_of_program()
    paths = yaml.safe_load((ROOT / "www/openapi.yaml").read_text())["paths"]
    assert {path: set(item) & {"get", "head", "post", "delete"} for path, item in paths.items()} == routes
    table = (ROOT / "README.md").read_text().split("\n### Routes\n")[1].split("\n### ")[0]
    named = re.findall(r"[`\s](/[^`?\s]*)", table)
    assert [path for path in routes if not any(f"/api{path}".endswith(name) for name in named)] == []


ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()


def test_architecture_names_only_files_that_exist():
    named = re.findall(r"`((?:src|include|sql|www|deploy|tests)/[\w./-]*)`", ARCHITECTURE)
    assert len(named) > 50
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_architecture_names_only_tables_that_exist():
    named = re.findall(r"`(\w+)\[\]` in\s+`([^`]+)`", ARCHITECTURE.replace("or `", "and `"))
    assert len(named) > 10
    assert [(table, file) for table, file in named
            if not re.search(rf"\b{table}\[\w*\] = \{{", (ROOT / file).read_text())] == []


def test_architecture_names_every_folder_of_sources():
    missing = [folder.name for folder in (ROOT / "src").iterdir() if f"| `src/{folder.name}/` |" not in ARCHITECTURE]
    assert missing == []


def test_readme_leads_to_the_architecture():
    assert "(docs/architecture.md)" in (ROOT / "README.md").read_text()


SECURITY = (ROOT / "docs/security.md").read_text()
COMMAND = ROOT / os.environ.get("TINTYPE_BUILD", "build") / "tintype"


def confinement_of_program():
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TINTYPE_")}
    done = subprocess.run([COMMAND, "config", "--confinement", "--json"], capture_output=True, text=True, check=False,
                          env=kept)
    assert done.returncode in (0, 1), done.stderr  # 1: this kernel holds less.
    return json.loads(done.stdout)


def rows_before(mark):
    """Returns the rows of the table that ends at this comment, without its head."""
    lines = SECURITY.split(f"<!-- end of the table of {mark} -->")[0].rstrip().split("\n")
    head = len(lines) - 1 - lines[::-1].index(next(line for line in lines[::-1] if line.startswith("| ---")))
    return lines[head + 1:]


def describe_files(files):
    if files is None:
        return "whatever its user may"
    return ", ".join(f"{name} ({', '.join(access)})" for name, access in files.items()) or "none"


def test_security_has_the_table_of_confinement():
    found = confinement_of_program()
    assert rows_before("processes") == [
        f"| {one['name']} | {one['description']} | {', '.join(one['calls'])} | {describe_files(one['files'])} |"
        for one in found["processes"]]
    assert rows_before("groups") == [f"| {one['name']} | {one['meaning']} |" for one in found["groups"]]
    assert rows_before("files") == [f"| {one['name']} | {one['meaning']} |" for one in found["files"]]


def test_security_names_only_files_that_exist():
    named = re.findall(r"`((?:src|tests|docs|deploy)/[\w./-]*)`", SECURITY)
    assert len(named) >= 3
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_readme_leads_to_security():
    assert "(docs/security.md)" in (ROOT / "README.md").read_text()
