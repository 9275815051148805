"""The redirector on one core against nginx's bare 302 on that core. See README.md."""
import json, os, pathlib, re, statistics, subprocess, sys

from servers import HEADERS, LOAD_CORE, ROOT, Cluster, Nginx, need, pinned, until, work_folder

ROUNDS, SECONDS, CONNECTIONS = int(os.environ.get("ROUNDS", "5")), 4, 64
STEADY = 12_000
UNITS = {"us": 1, "ms": 1e3, "s": 1e6}


def wrk(folder, port, path):
    """Closed loop: as many requests as 64 connections get through. Requests/s, p50 and p99 in µs, requests."""
    script = folder / "headers.lua"
    script.write_text("".join(f"wrk.headers[{json.dumps(name)}] = [[{value}]]\n" for name, value in HEADERS.items()))
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-s", str(script), "--latency", f"http://127.0.0.1:{port}{path}"]
    output = subprocess.run(pinned(LOAD_CORE, command), capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output:
        raise SystemExit(f"bench: answers that were no redirects:\n{output}")
    latency = {share: float(value) * UNITS[unit] for share, value, unit in re.findall(r"(\d+)%\s+([\d.]+)(us|ms|s)\b", output)}
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1]), latency["50"], latency["99"], int(re.search(r"(\d+) requests in", output)[1])


def oha():
    """The open-loop generator, which counts waiting as latency; installed once."""
    program = ROOT / ".tools/oha/bin/oha"
    if not program.exists():
        print("Installing oha, once", file=sys.stderr)
        subprocess.run(["cargo", "install", "--quiet", "--locked", "--root", str(program.parent.parent), "oha"], check=True)
    return program


def p99_at(rate, port, path):
    """µs, at a fixed rate of requests."""
    headers = [part for name, value in HEADERS.items() for part in ("-H", f"{name}: {value}")]
    command = [str(oha()), "--no-tui", "--output-format", "json", "-z", f"{SECONDS}s", "-c", str(CONNECTIONS), "-q", str(int(rate)), "--latency-correction", "--redirect", "0", *headers, f"http://127.0.0.1:{port}{path}"]
    output = subprocess.run(pinned(LOAD_CORE, command), capture_output=True, text=True, check=True).stdout
    report = json.loads(output)
    return report["latencyPercentiles"]["p99"] * 1e6, int(sum(report["statusCodeDistribution"].values()))


def geo_databases():
    return subprocess.run([str(ROOT / "scripts/geoip")], capture_output=True, text=True, check=True).stdout.strip()


def cpu_of_one(cluster, path):
    """CPU seconds of a redirect, and how many there were: at the same rate always, since a redirect
    among many costs less than a lone one."""
    used = cluster.redirector.cpu_seconds()
    answered = p99_at(STEADY, cluster.ports["redirect"], path)[1]
    return (cluster.redirector.cpu_seconds() - used) / answered, answered


def ratio(ours, theirs):
    return statistics.median(a / b for a, b in zip(ours, theirs))


def against_nginx(folder, nginx, name, **settings):
    """In turn, with broker, worker and api halted meanwhile; then all that was answered must be stored."""
    inner = folder / name
    inner.mkdir()
    cluster, answered = Cluster(inner, **settings), 0
    path, ours, theirs, slow_ours, slow_theirs, cpu = f"/{cluster.slug}", [], [], [], [], []
    before = cluster.stored()
    for _ in range(ROUNDS):
        theirs.append(wrk(folder, nginx.port, path))
        cluster.halt()
        ours.append(wrk(folder, cluster.ports["redirect"], path))
        half = ours[-1][0] / 2
        slow, more = p99_at(half, cluster.ports["redirect"], path)
        without, alone = cpu_of_one(cluster, path)
        cluster.go_on()
        # What gathered meanwhile is not this round's work.
        gathered = answered + ours[-1][3] + more + alone
        until("what gathered is stored", lambda: cluster.stored() - before >= gathered, 600)
        with_nats, behind = cpu_of_one(cluster, path)
        cpu.append(with_nats / without)
        slow_ours.append(slow)
        slow_theirs.append(p99_at(half, nginx.port, path)[0])
        answered += ours[-1][3] + more + alone + behind
    resident = cluster.redirector.resident_mib()
    stored = until("everything answered is stored", lambda: (now := cluster.stored() - before) >= answered and now, 600)
    cluster.end()
    column = lambda rows, index: [row[index] for row in rows]
    return {
        "requests_per_second": round(ratio(column(ours, 0), column(theirs, 0)), 2),
        "p50": round(ratio(column(ours, 1), column(theirs, 1)), 2),
        "p99": round(ratio(column(ours, 2), column(theirs, 2)), 2),
        "p99_at_half_load": round(ratio(slow_ours, slow_theirs), 2),
        "cpu_with_nats_behind_to_without": round(statistics.median(cpu), 2),
        "ours_per_second": int(statistics.median(column(ours, 0))),
        "nginx_per_second": int(statistics.median(column(theirs, 0))),
        "resident_mib": round(resident),
        "answered": answered,
        "stored": stored,
    }


def main():
    need("wrk", "nginx", "taskset")
    folder = work_folder()
    nginx = Nginx(folder)
    kinds = {"os": {}, "fsync": {"durability": "fsync"}, "os, capture strict": {"capture": "strict", "geoip_db": geo_databases()}}
    chosen = sys.argv[1:] or kinds
    print(json.dumps({name: against_nginx(folder, nginx, name, **kinds[name]) for name in chosen}, indent=2))


if __name__ == "__main__":
    main()
