"""A redirector with a million clicks in its spool: its memory, how soon it serves again after kill -9,
and how fast they drain; and one that has a million links to know. See README.md."""
import json, re, sqlite3, subprocess, sys, time, uuid

from servers import HEADERS, LOAD_CORE, Cluster, need, pinned, until, work_folder

MANY = 1_000_000
SECONDS, CONNECTIONS = 5, 64


def wrk(port, script, seconds=SECONDS):
    """Requests/s and requests."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script), f"http://127.0.0.1:{port}/"]
    output = subprocess.run(pinned(LOAD_CORE, command), capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output:
        raise SystemExit(f"bench: answers that were no redirects:\n{output}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1]), int(re.search(r"(\d+) requests in", output)[1])


def asks_for(folder, name, path):
    """A script for wrk; `path` is an expression of Lua."""
    script = folder / f"{name}.lua"
    headers = "".join(f"wrk.headers[{json.dumps(name)}] = [[{value}]]\n" for name, value in HEADERS.items())
    script.write_text(headers + f"request = function() return wrk.format(nil, {path}) end\n")
    return script


def restart(cluster):
    """Seconds from the start of a killed redirector to its first redirect."""
    cluster.redirector.end()
    started = time.monotonic()
    cluster.redirector = cluster.again("redirector")
    until("the redirector serves again", cluster.redirects, 120)
    return round(time.monotonic() - started, 2)


def spooled(folder):
    cluster = Cluster(folder)
    empty = restart(cluster)
    script, answered = asks_for(folder, "one", f'"/{cluster.slug}"'), 0
    before = cluster.stored()
    for server in (cluster.worker, cluster.nats):
        server.halt()
    while answered < MANY:
        answered += wrk(cluster.ports["redirect"], script)[1]
    memory = cluster.redirector.resident_mib()
    full = restart(cluster)
    started = time.monotonic()
    for server in (cluster.nats, cluster.worker):
        server.go_on()
    stored = until("all are stored", lambda: (now := cluster.stored() - before) >= answered and now, 600)
    seconds = time.monotonic() - started
    cluster.end()
    return {
        "spooled": answered,
        "resident_mib": round(memory),
        "seconds_to_serve_after_kill": full,
        "seconds_to_serve_after_kill_with_an_empty_spool": empty,
        "stored": stored,
        "stored_per_second": int(stored / seconds),
    }


def known(folder):
    """The links are put into the database directly: the API would take long to make them."""
    cluster = Cluster(folder)
    database = sqlite3.connect(folder / "bench.db")
    copies = {}
    for table in ("links", "link_slugs"):
        cursor = database.execute(f"SELECT * FROM {table} WHERE {'id' if table == 'links' else 'link_id'} = (SELECT link_id FROM link_slugs WHERE folded = ?)", (cluster.slug.lower(),))
        names = [column[0] for column in cursor.description]
        copies[table] = names, dict(zip(names, cursor.fetchone()))
    with database:
        rows = {table: [] for table in copies}
        for number in range(MANY):
            link = uuid.uuid4().bytes
            for table, (names, row) in copies.items():
                own = {"id": link, "link_id": link, "slug": f"n{number}", "folded": f"n{number}", "external_id": None}
                rows[table].append([own.get(name, row[name]) for name in names])
        for table, (names, _) in copies.items():
            database.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", rows[table])
    cluster.halt()
    one = asks_for(folder, "one", f'"/{cluster.slug}"')
    any_of = lambda count: asks_for(folder, f"any-{count}", f'"/n" .. math.random(0, {count - 1})')
    rates = {"one link": wrk(cluster.ports["redirect"], one)[0]}
    for count in (100_000, MANY):
        script = any_of(count)
        # Until most of them are known.
        wrk(cluster.ports["redirect"], script, 30)
        rates[f"any of {count:,} links"] = wrk(cluster.ports["redirect"], script)[0]
    memory = cluster.redirector.resident_mib()
    cluster.end()
    return {"to_one_link": {name: round(rate / rates["one link"], 2) for name, rate in rates.items()}, "resident_mib": round(memory)}


def main():
    need("wrk", "taskset")
    folder = work_folder()
    report = {}
    for name, measure in (("spool", spooled), ("links", known)):
        if not sys.argv[1:] or name in sys.argv[1:]:
            inner = folder / name
            inner.mkdir()
            report[name] = measure(inner)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
