//! Visitors from known places, as a proxy on this machine forwards them.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use testkit::mmdb::{Value as Entry, build};
use testkit::{GraphQl, wait_until};

use crate::journey::{PATIENCE, browser};

pub const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";
pub const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";
pub const BERLIN: &str = "203.0.113.77";
pub const PARIS: &str = "2001:db8:77:1:2:3:4:5";
pub const NOWHERE: &str = "198.51.100.201";

/// Files that know where [`BERLIN`] and [`PARIS`] are, as LINKLOGGER_GEOIP_DB names them.
pub fn geo(folder: &Path) -> String {
    let text = |text: &str| Entry::Text(text.to_owned());
    let place = |country: &str, city: &str, latitude: f64| {
        let (latitude, longitude) = (("latitude".into(), Entry::Double(latitude)), ("longitude".into(), Entry::Double(-1.25)));
        Entry::Map(vec![("country_code".into(), text(country)), ("city".into(), text(city)), latitude, longitude])
    };
    let file = |name: &str, version, network, place| -> PathBuf {
        let file = folder.join(name);
        std::fs::write(&file, build(version, &[(network, place)])).unwrap();
        file
    };
    let (v4, v6) = (
        file("v4.mmdb", 4, "203.0.113.0/24", place("DE", "Berlin", 52.5)),
        file("v6.mmdb", 6, "2001:db8::/32", place("FR", "Paris", 48.8)),
    );
    format!("{},{}", v4.display(), v6.display())
}

/// Where a visit leads.
pub async fn visit(redirect: &str, path: &str, from: &str, agent: &str) -> String {
    let request = browser().get(format!("http://{redirect}/{path}")).header("x-forwarded-for", from).header("user-agent", agent);
    let answer = request.header("accept-language", "fr-CH, fr;q=0.9").header("referer", "https://news.example/a").send().await.unwrap();
    assert_eq!(answer.status(), 302);
    answer.headers()["location"].to_str().unwrap().to_owned()
}

/// All that is stored of the clicks with this value of the parameter `via`, in the order of `n`.
pub async fn stored(api: &GraphQl, via: &str, count: usize) -> Vec<Value> {
    let fields = "linkVersion outcome status method targetUrl rule { name } variant verdict verdictReason { code } country region city \
                  latitude longitude browser browserVersion os osVersion device language userAgent referrer referrerHost \
                  utm { source } network n: parameter(key: \"n\") via: parameter(key: \"via\")";
    let query = format!("{{ clicks(first: 100) {{ nodes {{ {fields} }} }} }}");
    let mut clicks = wait_until(PATIENCE, &format!("{count} clicks via {via} are stored"), async || {
        let mut page = api.data(&query, json!({})).await;
        let all = page["clicks"]["nodes"].as_array_mut()?.drain(..);
        let clicks: Vec<Value> = all.filter(|click| click["via"] == via).collect();
        (clicks.len() == count).then_some(clicks)
    })
    .await;
    clicks.sort_by_key(|click| click["n"].to_string());
    for click in &mut clicks {
        click.as_object_mut().unwrap().shift_remove("via");
    }
    clicks
}

/// Waits until a redirector at the edge knows its snapshot to be whole: before, nobody can tell that something
/// is not in it.
pub async fn until_whole(redirect: &str) {
    wait_until(PATIENCE, "the snapshot is whole", async || {
        let answer = reqwest::get(format!("http://{redirect}/no-such-link")).await.unwrap();
        (answer.status() == 404).then_some(())
    })
    .await;
}

/// Waits until a redirector knows of a link, without clicking it.
pub async fn until_known(redirect: &str, slug: &str) {
    wait_until(PATIENCE, "the redirector knows of the link", async || {
        let answer = reqwest::Client::new().get(format!("http://{redirect}/{slug}/qr.svg")).send().await.unwrap();
        // Of a link that is known there is a code, and to ask for it is no click.
        (answer.status() == 200).then_some(())
    })
    .await;
}
