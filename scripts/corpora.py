"""Brings published lists of user agents into one form, for scripts/corpora.

crawlers-*.txt and browsers-*.txt have one agent a line; families-*.tsv the browser, the system and the
device that the list's makers say, then the agent; an empty field says nothing.
"""

import glob
import json
import re
import sys
import zlib
from pathlib import Path

packages, uap, out = map(Path, sys.argv[1:4])
samples = Path(sys.argv[4]) if len(sys.argv) > 4 else None
# One in so many lines goes into the sample.
SAMPLED = {"crawlers-crawlerdetect.txt": 3, "browsers-crawlerdetect-2.txt": 31, "browsers-user-agents.txt": 1, "families-uap-core.tsv": 1, "families-fake-useragent.tsv": 1}


def package(pattern):
    return Path(glob.glob(str(packages / pattern))[0])


def write(name, lines):
    lines = sorted({line.strip() for line in lines if line.strip()})
    (out / name).write_text("".join(line + "\n" for line in lines))
    if samples and name in SAMPLED:
        kept = [line for line in lines if zlib.crc32(line.encode()) % SAMPLED[name] == 0]
        (samples / name).write_text("".join(line + "\n" for line in kept))


def flat(text):
    return re.sub(r"\s+", " ", text).strip()


def cases(path):
    """The entries of one of uap-core's test files, a flat list of maps."""
    entry = {}
    for line in path.read_text().splitlines():
        found = re.match(r"\s*(- )?(\w+):\s*(.*)$", line)
        if not found or line.lstrip().startswith("#"):
            continue
        if found[1]:
            if entry:
                yield entry
            entry = {}
        entry[found[2]] = plain(found[3])
    yield entry


def plain(value):
    value = value.strip()
    if value[:1] == "'" and value[-1:] == "'":
        return value[1:-1].replace("''", "'")
    if value[:1] == '"' and value[-1:] == '"':
        return value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return value


crawlers = json.loads((package("npm/crawler-user-agents*/crawler-user-agents.json")).read_text())
write("crawlers-crawler-user-agents.txt", (flat(agent) for entry in crawlers for agent in entry.get("instances", [])))
detect = package("pip/crawlerdetect-*/tests/fixtures/user_agent")
write("crawlers-crawlerdetect.txt", map(flat, (detect / "crawlers.txt").read_text().splitlines()))
# A half to make rules with, a half to measure them by.
devices = {flat(agent) for agent in (detect / "devices.txt").read_text().splitlines()}
for half in (0, 1):
    write(f"browsers-crawlerdetect-{half + 1}.txt", (agent for agent in devices if zlib.crc32(agent.encode()) % 2 == half))
write("browsers-user-agents.txt", (flat(entry["userAgent"]) for entry in json.loads(package("npm/user-agents*/dist/user-agents.json").read_text())))
write("browsers-top-user-agents.txt", map(flat, json.loads(package("npm/top-user-agents*/src/index.json").read_text())))
js = package("npm/ua-parser-js*/test")
write("browsers-ua-parser-js.txt", (flat(case["ua"]) for name in ("browser", "device", "os") for case in json.loads((js / f"{name}-test.json").read_text())))
woothee = package("npm/woothee*/woothee/testsets")
write("crawlers-woothee.txt", (flat(case["target"]) for path in woothee.glob("crawler*.yaml") for case in cases(path) if "target" in case))

families = {}
for path, field in (("test_ua.yaml", 0), ("test_os.yaml", 1)):
    for case in cases(uap / "tests" / path):
        if "user_agent_string" in case:
            families.setdefault(flat(case["user_agent_string"]), ["", "", ""])[field] = case["family"]
write("families-uap-core.tsv", ("\t".join([*facts, agent]) for agent, facts in families.items()))
devices = list(cases(uap / "tests/test_device.yaml"))
write("crawlers-uap-core.txt", (flat(case["user_agent_string"]) for case in devices if case.get("family") == "Spider"))

rows = map(json.loads, package("pip/fake_useragent-*/src/fake_useragent/data/browsers.jsonl").read_text().splitlines())
write("families-fake-useragent.tsv", ("\t".join([row["browser"] or "", row["os"] or "", row["type"] or "", flat(row["useragent"])]) for row in rows))
