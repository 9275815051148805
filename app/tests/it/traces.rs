//! What visitors leave behind: every file of the program, its log and what it exports are searched for their
//! addresses and agents, at each level of privacy.

use std::io::Read as _;
use std::path::Path;

use serde_json::json;
use testkit::{GraphQl, Program, ProgramOptions};

use crate::program;
use crate::strict::found;
use crate::visitors::{BERLIN, IPHONE, PARIS, geo, stored, visit};

/// An address as it may be written, and the network that stands for it.
const VISITORS: [(&str, &[u8], &str); 2] = [
    (BERLIN, &[203, 0, 113, 77], "203.0.113.0/24"),
    (PARIS, &[0x20, 0x01, 0x0d, 0xb8, 0, 0x77, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5], "2001:db8:77::/48"),
];

/// What is found of the visitors in the database: addresses, networks, agents.
fn database(data: &Path) -> [bool; 3] {
    let held: Vec<u8> =
        ["linklogger.db", "linklogger.db-wal"].iter().flat_map(|file| std::fs::read(data.join(file)).unwrap_or_default()).collect();
    let holds = |bytes: &[u8]| held.windows(bytes.len()).any(|window| window == bytes);
    let addresses = VISITORS.iter().any(|(ip, bytes, _)| holds(ip.as_bytes()) || holds(bytes));
    let networks = VISITORS.iter().any(|(_, _, network)| holds(network.as_bytes()));
    [addresses, networks, holds(IPHONE.as_bytes())]
}

/// Everything that an owner can export, unpacked.
async fn exported(program: &Program, ada: &GraphQl) -> String {
    let request = reqwest::Client::new().get(format!("http://{}/export/workspace", program.setting("API_LISTEN")));
    let bytes = request.bearer_auth(ada.token().unwrap()).send().await.unwrap().bytes().await.unwrap();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut all = String::new();
    for index in 0..archive.len() {
        archive.by_index(index).unwrap().read_to_string(&mut all).unwrap();
    }
    assert!(all.contains("via=traces"), "the archive has the clicks");
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_each_level_nothing_is_anywhere_that_must_not_be() {
    let folder = tempfile::tempdir().unwrap();
    let geo = geo(folder.path());
    // Level, whether agents are kept, and what of addresses, networks and agents the database then has.
    let levels = [("NONE", false, [false, false, false]), ("TRUNCATED", true, [false, true, true]), ("FULL", true, [true, true, true])];
    for ((level, agents, expected), capture) in levels.into_iter().flat_map(|level| [(level, "worker"), (level, "strict")]) {
        let (case, data) = (format!("{level}, captured by {capture}"), folder.path().join(format!("{level}-{capture}")));
        let options = ProgramOptions::serve(&data).with("TRUSTED_PROXIES", "127.0.0.1").with("CAPTURE", capture).with("GEOIP_DB", &geo);
        let mut program = Program::start(program(), options.with("LOG", "debug"));
        program.ready().await;
        let ada = program.api().sign_up("ada").await;
        let change = "mutation($p: PrivacyInput!) { updateWorkspace(input: {privacy: $p}) { workspace { id } } }";
        ada.data(change, json!({ "p": { "level": level, "keepUserAgent": agents } })).await;
        ada.create_link("https://example.com/", json!({ "slug": "a" })).await;
        let redirect = program.setting("REDIRECT_LISTEN").to_owned();
        for (number, (ip, _, _)) in VISITORS.iter().enumerate() {
            visit(&redirect, &format!("a?n={number}&via=traces"), ip, IPHONE).await;
        }
        stored(&ada, "traces", VISITORS.len()).await;
        let archive = exported(&program, &ada).await;
        assert_eq!(program.stop().await, Some(0));

        // No address is known where the redirector has reduced it.
        let [addresses, networks, texts] = expected;
        let addresses = addresses && capture == "worker";
        assert_eq!(database(&data), [addresses, networks, texts], "the database: {case}");
        for (what, is_there, wanted) in [
            ("addresses", VISITORS.iter().any(|(ip, _, _)| archive.contains(ip)), addresses),
            ("networks", VISITORS.iter().any(|(_, _, network)| archive.contains(network)), networks),
            ("agents", archive.contains(IPHONE), texts),
        ] {
            assert_eq!(is_there, wanted, "{what} in the export: {case}");
        }
        let spool = data.join("spool");
        let in_spool = VISITORS.iter().any(|(ip, bytes, _)| found(&spool, bytes) || found(&spool, ip.as_bytes()));
        assert_eq!(in_spool, capture == "worker", "addresses in the spool: {case}");
        assert_eq!(found(&spool, IPHONE.as_bytes()), agents || capture == "worker", "agents in the spool: {case}");
        let log = program.log();
        assert!(VISITORS.iter().all(|(ip, _, _)| !log.contains(ip)) && !log.contains(IPHONE), "the log: {case}");
    }
}
