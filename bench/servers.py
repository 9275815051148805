"""Starts what the benchmarks measure, pinned to cores, and ends it with them.

Standard library only. Everything listens on loopback; data lies in a temporary folder that goes
with the run.
"""
import atexit, contextlib, json, os, pathlib, re, resource, shutil, signal, socket, subprocess, tempfile, time, urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = os.environ.get("LINKLOGGER") or os.path.expanduser("~/.cache/linklogger/target/release/linklogger")
SERVER_CORE, LOAD_CORE = "0", "1"
# What a browser sends on a navigation: parsing it is part of the work.
HEADERS = {
    "User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.9",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Referer": "https://www.example.org/",
    # A public address, which rates count and geo databases know.
    "X-Forwarded-For": "8.8.8.8",
}


def need(*tools):
    missing = [tool for tool in tools if not shutil.which(tool)]
    if not missing:
        return
    packages = {"nginx": "nginx-light"}
    if os.geteuid() != 0:
        raise SystemExit(f"bench: {', '.join(missing)} missing. Install: apt-get install {' '.join(packages.get(t, t) for t in missing)}")
    subprocess.run(["apt-get", "update", "-qq"], check=True)
    subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *(packages.get(t, t) for t in missing)], check=True, stdout=subprocess.DEVNULL)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pinned(core, args):
    return ["taskset", "-c", core, *args]


class Server:
    """A process on one core, killed when the benchmark ends."""

    def __init__(self, args, core, folder, env=None):
        self.log = folder / f"{pathlib.Path(args[0]).name}-{free_port()}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(pinned(core, args), env=env or dict(os.environ), cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        atexit.register(self.end)

    def end(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()

    def halt(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def cpu_seconds(self):
        """utime + stime of all its threads."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def until(what, ask, seconds=40):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError, KeyError, ValueError):
            if answer := ask():
                return answer
        time.sleep(0.05)
    raise SystemExit(f"bench: not in {seconds} s: {what}")


class Cluster:
    """api, worker and a redirector of one thread over NATS, on SQLite; the redirector alone on its core."""

    def __init__(self, folder, **settings):
        self.folder, self.ports = folder, {name: free_port() for name in ("api", "redirect", "nats")}
        config = folder / "nats.conf"
        config.write_text(f'port: {self.ports["nats"]}\nhost: 127.0.0.1\njetstream {{ store_dir: "{folder}/nats" }}\n')
        self.nats = Server([str(ROOT / ".tools/nats-server"), "-c", str(config)], LOAD_CORE, folder)
        self.settings = {
            "PATH": os.environ["PATH"],
            "LINKLOGGER_NATS_URL": f'nats://127.0.0.1:{self.ports["nats"]}',
            "LINKLOGGER_DATABASE_URL": f"sqlite://{folder}/bench.db?mode=rwc",
            "LINKLOGGER_API_LISTEN": f'127.0.0.1:{self.ports["api"]}',
            "LINKLOGGER_REDIRECT_LISTEN": f'127.0.0.1:{self.ports["redirect"]}',
            "LINKLOGGER_TRUSTED_PROXIES": "127.0.0.1/32",
            # Rates that a single visitor of a benchmark stays below.
            "LINKLOGGER_CLICK_RATE": "1000000",
            "LINKLOGGER_LINK_RATE": "1000000",
            **{f"LINKLOGGER_{name.upper()}": value for name, value in settings.items()},
        }
        subprocess.run([BINARY, "migrate"], env={**self.settings, "LINKLOGGER_DATA_DIR": str(folder / "migrate")}, cwd=folder, check=True, capture_output=True)
        self.api, self.worker = self.role("api", LOAD_CORE), self.role("worker", LOAD_CORE)
        self.redirector = self.role("redirector", SERVER_CORE)
        self.token = until("the api answers", self.sign_up)
        self.slug = self.ask("mutation { createLink(input: { targetUrl: \"https://example.com/landing?x=1\" }) { link { slug } } }")["createLink"]["link"]["slug"]
        until("the redirector knows the link", self.redirects)

    def again(self, role):
        """A process of that role on the data of the one before."""
        return self.role(role, SERVER_CORE if role == "redirector" else LOAD_CORE)

    def role(self, role, core):
        own = {"LINKLOGGER_ROLES": role, "LINKLOGGER_DATA_DIR": str(self.folder / role), "LINKLOGGER_OPS_LISTEN": f"127.0.0.1:{free_port()}"}
        return Server([BINARY, "serve"], core, self.folder, {**self.settings, **own})

    def sign_up(self):
        query = 'mutation { signUp(input: { email: "bench@example.com", password: "correct horse battery", workspaceName: "Bench" }) { accessToken } }'
        return self.ask(query)["signUp"]["accessToken"]

    def ask(self, query):
        headers = {"Content-Type": "application/json"}
        if token := getattr(self, "token", None):
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(f'http://127.0.0.1:{self.ports["api"]}/graphql', json.dumps({"query": query}).encode(), headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            body = json.load(answer)
        if errors := body.get("errors"):
            raise SystemExit(f"bench: {errors[0]['message']}")
        return body["data"]

    def redirects(self):
        with socket.create_connection(("127.0.0.1", self.ports["redirect"]), 1) as connection:
            connection.sendall(f"HEAD /{self.slug} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
            return b" 302 " in connection.recv(64)

    def stored(self):
        query = "{ clickTotals(filter: { verdicts: [HUMAN, SUSPECTED, BOT, INTERNAL] }) { clicks } }"
        return self.ask(query)["clickTotals"]["clicks"]

    def halt(self):
        """Leaves the other core to the load generator, as nginx leaves it."""
        for server in (self.worker, self.nats, self.api):
            server.halt()

    def go_on(self):
        for server in (self.nats, self.worker, self.api):
            server.go_on()

    def end(self):
        for server in (self.redirector, self.worker, self.api, self.nats):
            server.end()


class Nginx:
    """One worker that answers every path with a bare 302."""

    def __init__(self, folder):
        self.port, config = free_port(), folder / "nginx.conf"
        config.write_text(
            f"worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx-error.log;\n"
            "events { worker_connections 4096; }\n"
            "http { access_log off; keepalive_requests 1000000000;\n"
            f"  server {{ listen 127.0.0.1:{self.port}; location / {{ return 302 https://example.com/landing?x=1; }} }} }}\n"
        )
        self.server = Server(["nginx", "-c", str(config)], SERVER_CORE, folder)
        # Killed, it would leave its worker behind; what is registered last runs first.
        atexit.register(self.end)
        until("nginx listens", lambda: socket.create_connection(("127.0.0.1", self.port), 1).close() or True)

    def end(self):
        self.server.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.server.process.wait(5)


def work_folder():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="linklogger-bench-"))
    atexit.register(shutil.rmtree, folder, True)
    # Sockets of the load generator.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(65_536, hard), hard))
    return folder
