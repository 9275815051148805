//! The table of settings. A line here is a flag (`--api-listen`), a variable
//! (`LINKLOGGER_API_LISTEN`), a key of `linklogger.toml` (`api_listen`) and a line of help.

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// The key in the file; flag and variable are made from it.
    pub name: &'static str,
    /// `None` where the default depends on other settings or there is none.
    pub default: Option<&'static str>,
    pub help: &'static str,
    /// Whether the value may hold a password, and is printed without it.
    pub secret: bool,
}

impl Setting {
    pub fn variable(&self) -> String {
        format!("LINKLOGGER_{}", self.name.to_ascii_uppercase())
    }

    /// Whether an empty variable is a value. Else it counts as unset, as files of containers write it; but a
    /// process whose roles were forgotten must not start them all.
    pub(super) fn may_be_empty(&self) -> bool {
        self.name == "roles"
    }

    pub fn flag(&self) -> String {
        self.name.replace('_', "-")
    }
}

const fn setting(name: &'static str, default: Option<&'static str>, help: &'static str) -> Setting {
    Setting { name, default, help, secret: false }
}

pub const SETTINGS: &[Setting] = &[
    setting("roles", Some("api,redirector,worker"), "Roles of this process"),
    setting("data_dir", Some("./data"), "Folder of the SQLite file, the spool and fetched geo databases"),
    Setting {
        name: "database_url",
        default: None,
        help: "sqlite://… or postgres://… [default: SQLite in the data folder; a redirector alone, with a NATS URL, uses no database]",
        secret: true,
    },
    Setting {
        name: "nats_url",
        default: None,
        help: "nats://… switches stream, live feed and link snapshot to NATS [default: unset, embedded]",
        secret: true,
    },
    setting(
        "nats_monitor_url",
        None,
        "http://… of the NATS server's monitoring, which tells how durable its acks are [default: unset, not known]",
    ),
    setting("api_listen", Some("127.0.0.1:8080"), "Address of the GraphQL API"),
    setting("redirect_listen", Some("127.0.0.1:8081"), "Address of the short links"),
    setting(
        "redirect_tls_listen",
        None,
        "Address of the short links over https, with tls_certs [default: unset, a proxy in front speaks TLS]",
    ),
    setting("tls_certs", None, "Folder of <host>.crt and <host>.key, or <host>/fullchain.pem and <host>/privkey.pem"),
    setting("ops_listen", Some("127.0.0.1:9090"), "Address of /livez, /readyz, /metrics and /tls-allowed"),
    setting("short_domain", None, "Host (and port) of the shared short domain [default: the redirect address]"),
    setting("public_url", None, "Where users reach the API and dashboard [default: the API address]"),
    setting(
        "allowed_origins",
        None,
        "Origins whose pages may call the API, comma-separated [default: the public URL; any loopback origin while that is loopback]",
    ),
    setting("trusted_proxies", Some(""), "CIDRs whose X-Forwarded-For counts, comma-separated"),
    setting(
        "click_rate",
        Some("100"),
        "Clicks a second of one address (ten times as many at once) above which more are suspected; 0: never",
    ),
    setting("link_rate", Some("5000"), "The same of one link"),
    setting(
        "miss_rate",
        Some("10"),
        "Slugs a second that are no link, of one address (ten times as many at once), before it gets 429 and nothing is looked up for it; 0: never",
    ),
    setting(
        "geoip_db",
        None,
        ".mmdb files of places and autonomous systems, comma-separated; the first that answers wins [default: those in geoip of the data folder]",
    ),
    Setting {
        name: "geoip_registry",
        default: Some("https://registry.npmjs.org"),
        help: "npm registry from which `linklogger geoip fetch` gets databases",
        // Someone may write a password into it, although it is not taken.
        secret: true,
    },
    setting("durability", Some("os"), "What the spool's append survives: os (death of the process) or fsync (power cut)"),
    setting(
        "spool_quota",
        Some("4GiB"),
        "Most room that the spool may take, such as 512MiB or 4GiB; what is set aside of a damaged one may take an eighth of it more",
    ),
    setting("stream_quota", Some("8GiB"), "Most room that the stream of clicks is given when it is made; a server with less gives less"),
    setting(
        "capture",
        Some("worker"),
        "Who looks up and truncates addresses: worker, or strict for the redirector, before anything is written",
    ),
    setting("sign_up", Some("open"), "Who may sign up: open, invite or closed"),
    setting("outbound_allow", Some(""), "CIDRs that webhooks and link checks may reach although private, comma-separated"),
    setting(
        "dns_server",
        None,
        "DNS server that is asked for the proofs of domains, such as 9.9.9.9 or 127.0.0.1:5353 [default: the system's]",
    ),
    Setting {
        name: "seal_key",
        default: None,
        help: "Key that seals secrets, the same for all processes: 32 bytes in hex or base64 [default: in one process, made in the data folder]",
        secret: true,
    },
    setting("seal_key_file", None, "File with that key instead"),
    setting("log", Some("info"), "Log filter, such as info or info,stream=debug"),
    setting("log_format", Some("text"), "Log format: text or json"),
];
