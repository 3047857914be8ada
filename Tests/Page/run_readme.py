"""Does what README.md says, all commands of a reader: run_readme.py REPOSITORY. The three long ones at its top are left to who
calls this. Commands that are said to be denied must end with exit code 3, all others with 0."""
import os
import pathlib
import re
import subprocess
import sys
import time


def commands(section):
    """Indented lines, joined where they go on."""
    found, is_open = [], False
    for line in section.split("\n"):
        if not line.startswith("    ") or not line.strip():
            continue
        text = line.strip()
        if is_open:
            found[-1] += "\n" + text
        else:
            found.append(text)
        is_open = text.endswith("\\")
    return found


def main():
    repository = pathlib.Path(sys.argv[1])
    text = (repository / "README.md").read_text()
    section = text.partition("## First own use\n")[2].partition("```swift")[0]
    site = pathlib.Path.home() / "ringgate"
    policy = re.search(r"```yaml\n(.*?)```", section, re.DOTALL)[1]
    script, count, gateway = [f"cd {repository}"], 0, None
    try:
        for command in commands(re.sub(r"```yaml\n.*?```", "", section, flags=re.DOTALL)):
            count += 1
            # What holds for all that follows in the reader's shell.
            if re.match(r"(export|cd) ", command):
                script.append(command)
                continue
            if command.startswith("ringgated") and "--check" not in command:
                gateway = subprocess.Popen(["bash", "-c", "\n".join([*script, "exec " + command])], stderr=subprocess.DEVNULL)
                time.sleep(2)
                continue
            if command.startswith("ringgated"):
                (site / "policy.yaml").write_text(policy)
            run = subprocess.run(["bash", "-o", "pipefail", "-c", "\n".join([*script, command])], capture_output=True, text=True)
            wanted = 3 if "# denied" in command else 0
            if run.returncode != wanted:
                sys.exit(f"README.md: {command}\nended with {run.returncode}, not {wanted}:\n{run.stdout}{run.stderr}")
    finally:
        if gateway is not None:
            gateway.terminate()
            gateway.wait(20)
    print(f"README.md: {count} commands do what it says")


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    main()
