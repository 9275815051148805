//! What visitors leave behind: every table and file of the program, its log and what it exports are searched for
//! their addresses, agents, parameters and referrers, whatever a workspace keeps.

use std::io::Read as _;
use std::net::IpAddr;
use std::path::Path;

use serde_json::{Value, json};
use testkit::{GraphQl, Postgres, Program, ProgramOptions, wait_until};

use crate::journey::{PATIENCE, browser};
use crate::logged::{create_key, rotate, sign};
use crate::program;
use crate::strict::found;
use crate::visitors::IPHONE;

/// What may be left of a case's visitors.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Left {
    addresses: bool,
    networks: bool,
    agents: bool,
    /// Of a parameter that names somebody.
    parameters: bool,
    referrers: bool,
}

const NOTHING: Left = Left { addresses: false, networks: false, agents: false, parameters: false, referrers: false };

/// A workspace's settings, what its visitors' browsers ask for, and what its clicks may keep.
struct Case {
    number: u8,
    privacy: Value,
    header: Option<(&'static str, &'static str)>,
    kept: Left,
}

fn cases() -> Vec<Case> {
    let case = |number, privacy, header, kept| Case { number, privacy, header, kept };
    let all = Left { addresses: true, networks: true, agents: true, parameters: true, referrers: true };
    let little = json!({ "level": "NONE", "keepUserAgent": false, "keepReferrerPath": false, "parameters": ["n"] });
    vec![
        case(1, little, None, NOTHING),
        case(2, json!({}), None, Left { addresses: false, ..all }),
        case(3, json!({ "level": "FULL" }), None, all),
        case(4, json!({ "level": "FULL" }), Some(("sec-gpc", "1")), Left { addresses: false, parameters: false, ..all }),
        case(5, json!({ "level": "FULL", "consent": "REQUIRED" }), None, NOTHING),
    ]
}

impl Case {
    fn name(&self) -> String {
        format!("case{}", self.number)
    }

    fn addresses(&self) -> [IpAddr; 2] {
        let number = u16::from(self.number);
        [[198, 18, self.number, 77].into(), [0x2001, 0xdb8, 0x7700 + number, 1, 2, 3, 4, 5].into()]
    }

    fn agent(&self) -> String {
        format!("{IPHONE} Case/{}.0", self.number)
    }

    fn parameter(&self) -> String {
        format!("mail-of-{}", self.number)
    }

    fn click_id(&self) -> String {
        format!("id-of-click-of-{}", self.number)
    }

    /// Parameters that name somebody, one of them as mail programs spoil it.
    fn query(&self) -> String {
        format!("mail={}&gclid={}&amp;fbclid={}", self.parameter(), self.click_id(), self.click_id())
    }

    fn referrer(&self) -> String {
        format!("story-of-{}", self.number)
    }

    fn referer(&self) -> String {
        format!("https://news.example/{}?q={}-asked", self.referrer(), self.referrer())
    }

    /// Each way in, with and without a link; how many clicks that are.
    async fn click(&self, redirect: &str, owner: &GraphQl) -> usize {
        // Before the redirector asks what there is of the workspace: a change is heard of a moment later.
        rotate(owner).await;
        let [first, second] = self.addresses();
        self.visit(&format!("http://{redirect}/{}?n=0&{}", self.name(), self.query()), first).await;
        self.visit(&format!("http://{redirect}/{}?n=1&{}", self.name(), self.query()), second).await;
        let target = format!("https://example.com/?n=2&{}", self.query());
        self.visit(&sign(owner, &target).await, first).await;
        // What a browser asks for, a program cannot say of it.
        if self.header.is_some() {
            return 3;
        }
        let (_, key) = create_key(owner, &["CLICKS_WRITE"]).await;
        let body = json!({ "url": target, "ip": second, "userAgent": self.agent(), "referrer": self.referer() });
        let request = browser().post(format!("http://{redirect}/log-and-redirect")).bearer_auth(key).json(&body);
        assert_eq!(request.send().await.unwrap().status(), 302);
        4
    }

    async fn visit(&self, url: &str, ip: IpAddr) {
        let request = browser().get(url).header("x-forwarded-for", ip.to_string()).header("user-agent", self.agent());
        let request = request.header("referer", self.referer());
        let request = self.header.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let status = request.send().await.unwrap().status();
        assert!(status == 302 || status == 200, "{status}");
    }

    /// What is found by who looks for bytes.
    fn left(&self, holds: impl Fn(&[u8]) -> bool) -> Left {
        let address = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => holds(&ip.octets()) || holds(ip.to_string().as_bytes()),
            IpAddr::V6(ip) => holds(&ip.octets()) || holds(ip.to_string().as_bytes()),
        };
        assert!(!holds(format!("{}-asked", self.referrer()).as_bytes()), "a referrer's query, {}", self.name());
        assert!(!holds(self.click_id().as_bytes()), "what a service follows clicks by, {}", self.name());
        Left {
            addresses: self.addresses().into_iter().any(address),
            networks: self.addresses().into_iter().any(|ip| holds(domain::network_of(ip).as_bytes())),
            agents: holds(self.agent().as_bytes()),
            parameters: holds(self.parameter().as_bytes()),
            referrers: holds(self.referrer().as_bytes()),
        }
    }
}

fn is_in(all: &[u8]) -> impl Fn(&[u8]) -> bool {
    move |bytes| all.windows(bytes.len()).any(|window| window == bytes)
}

/// All that the files of SQLite hold, and what they have freed.
fn files(data: &Path) -> Vec<u8> {
    ["linklogger.db", "linklogger.db-wal"].iter().flat_map(|file| std::fs::read(data.join(file)).unwrap_or_default()).collect()
}

/// All rows of all tables of PostgreSQL; bytes as such, after their text.
fn tables(database: &str) -> Vec<u8> {
    let rows = "SET xmlbinary = hex; SELECT query_to_xml(format('SELECT * FROM %I.%I', table_schema, table_name), true, false, '') \
                FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')";
    let text = Postgres::shared().sql(database, rows);
    let hex = |word: &str| -> Option<Vec<u8>> {
        let digit = |at: usize| u8::from_str_radix(word.get(at..at + 2)?, 16).ok();
        (word.len() > 7 && word.len().is_multiple_of(2)).then(|| (0..word.len()).step_by(2).map(digit).collect())?
    };
    let bytes: Vec<u8> = text.split(['<', '>']).filter_map(hex).flatten().collect();
    [text.into_bytes(), bytes].concat()
}

/// Everything that an owner can export, unpacked.
async fn exported(program: &Program, owner: &GraphQl) -> Vec<u8> {
    let request = reqwest::Client::new().get(format!("http://{}/export/workspace", program.setting("API_LISTEN")));
    let bytes = request.bearer_auth(owner.token().unwrap()).send().await.unwrap().bytes().await.unwrap();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut all = Vec::new();
    for index in 0..archive.len() {
        archive.by_index(index).unwrap().read_to_end(&mut all).unwrap();
    }
    all
}

async fn nothing_is_anywhere_that_must_not_be(database: Option<&str>, capture: &str) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let options = ProgramOptions::serve(&data).with("TRUSTED_PROXIES", "127.0.0.1").with("CAPTURE", capture).with("LOG", "debug");
    let options = match database {
        Some(database) => options.with("DATABASE_URL", Postgres::shared().url(database)).with("SEAL_KEY", "5e".repeat(32)),
        None => options,
    };
    let mut program = Program::start(program(), options);
    program.ready().await;
    let redirect = program.setting("REDIRECT_LISTEN").to_owned();
    let mut archives = Vec::new();
    for case in cases() {
        let owner = program.api().sign_up(&case.name()).await;
        let change = "mutation($p: PrivacyInput!) { updateWorkspace(input: {privacy: $p}) { workspace { id } } }";
        owner.data(change, json!({ "p": case.privacy })).await;
        owner.create_link("https://example.com/", json!({ "slug": case.name() })).await;
        let clicks = case.click(&redirect, &owner).await;
        wait_until(PATIENCE, "the clicks are stored", async || {
            let page = owner.data("{ clicks(first: 9) { nodes { id } } }", json!({})).await;
            (page["clicks"]["nodes"].as_array()?.len() == clicks).then_some(())
        })
        .await;
        archives.push(exported(&program, &owner).await);
    }
    assert_eq!(program.stop().await, Some(0));
    let stored = database.map_or_else(|| files(&data), tables);
    let log = program.log().into_bytes();
    for (case, archive) in cases().into_iter().zip(archives) {
        let name = format!("{} captured by {capture}, {:?}", case.name(), case.privacy);
        // No address is known where the redirector has reduced it.
        let kept = Left { addresses: case.kept.addresses && capture == "worker", ..case.kept };
        assert!(is_in(&archive)(case.name().as_bytes()) && is_in(&stored)(case.name().as_bytes()), "{name}");
        assert_eq!(case.left(is_in(&archive)), kept, "the export: {name}");
        assert_eq!(case.left(is_in(&stored)), kept, "the database: {name}");
        assert_eq!(case.left(is_in(&log)), NOTHING, "the log: {name}");
        let spool = data.join("spool");
        if capture == "strict" {
            assert_eq!(case.left(|bytes| found(&spool, bytes)), kept, "the spool: {name}");
        } else {
            // What is looked for can be found.
            let held = [case.agent(), case.parameter(), case.click_id(), case.referrer()];
            assert!(held.iter().all(|text| found(&spool, text.as_bytes())), "the spool: {name}");
            assert!(case.addresses().into_iter().all(|ip| match ip {
                IpAddr::V4(ip) => found(&spool, &ip.octets()),
                IpAddr::V6(ip) => found(&spool, &ip.octets()),
            }));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_anywhere_that_must_not_be_in_sqlite() {
    nothing_is_anywhere_that_must_not_be(None, "worker").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_anywhere_that_must_not_be_in_sqlite_captured_strictly() {
    nothing_is_anywhere_that_must_not_be(None, "strict").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_anywhere_that_must_not_be_in_postgres() {
    nothing_is_anywhere_that_must_not_be(Some(&Postgres::shared().create_database()), "worker").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_anywhere_that_must_not_be_in_postgres_captured_strictly() {
    nothing_is_anywhere_that_must_not_be(Some(&Postgres::shared().create_database()), "strict").await;
}
