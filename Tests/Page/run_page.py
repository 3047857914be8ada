"""Runs a page of the documentation as its reader would: run_page.py PAGE FOLDER [OLD=NEW ...].

Blocks of YAML that begin with `# NAME` become files of the folder; lines that begin with `    $ ` are given to one shell each,
in which what the page exported before holds. Their output must be what the page shows below them; `...` stands for anything.
OLD is replaced by NEW in what is run. In Python, because it also runs where there is nothing of ours but the package.
"""
import pathlib
import re
import subprocess
import sys

PROMPT, INDENT = "    $ ", "    "


def files(text):
    for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL):
        name = re.match(r"# (\S+)\n", block)
        if name:
            yield name[1], block


def transcripts(text):
    """Each command with the lines that are shown below it."""
    command, shown = None, []
    for line in [*text.split("\n"), ""]:
        if line.startswith(PROMPT):
            if command is not None:
                yield command, shown
            command, shown = line[len(PROMPT):], []
        elif command is not None and line.startswith(INDENT):
            shown.append(line[len(INDENT):])
        elif command is not None:
            yield command, shown
            command = None


def is_like(shown, output):
    pattern = r"\s*".join(".*?".join(map(re.escape, line.split("..."))) for line in shown)
    # Columns are apart by tabs or blanks.
    return re.fullmatch(re.sub(r"(\\ )+", r"\\s+", pattern) + r"\s*", output.strip("\n"), re.DOTALL) is not None


def main():
    page, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    changes = [word.split("=", 1) for word in sys.argv[3:]]
    text = page.read_text()
    for name, content in files(text):
        (folder / name).write_text(content)
    exports, count = [], 0
    for command, shown in transcripts(text):
        for old, new in changes:
            command = command.replace(old, new)
        output = folder / ".output"
        # Not through a pipe: a program that goes on in the background would keep it open.
        with output.open("w") as sink:
            subprocess.run(["bash", "-c", "\n".join([*exports, command])], cwd=folder, stdout=sink, stderr=sink, timeout=120)
        said = output.read_text()
        if not is_like(shown, said):
            sys.exit(f"{page}: {command}\nshows:\n" + "\n".join(shown) + f"\nsaid:\n{said}")
        if command.startswith("export "):
            exports.append(command)
        count += 1
    print(f"{page.name}: {count} commands do what it says")


if __name__ == "__main__":
    main()
