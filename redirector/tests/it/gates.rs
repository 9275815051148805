//! Links that do not simply lead on: schedules, switches, rules, passwords.

use domain::{
    ConditionsDraft, Device, ExperimentKey, Fresh, Gate, Method, Millis, Outcome, OwnHosts, ResolvedLink, RuleDraft, RuleId, Rules,
    ShortDomain, TargetUrl, VariantDraft,
};

use crate::fixture::{Running, gated, link, sesame, start};
use crate::hostile::statuses;

const NOON: Millis = Millis(1_772_366_400_000);
const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";

fn url(text: &str) -> TargetUrl {
    TargetUrl::from_store(text.to_owned())
}

/// The status, and where the answer leads.
async fn ask(running: &Running, path: &str, headers: &[(&str, &str)]) -> (u16, Option<String>) {
    let request = headers.iter().fold(running.http.get(running.url(path)), |request, (name, value)| request.header(*name, *value));
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned()))
}

fn led(status: u16, target: &str) -> (u16, Option<String>) {
    (status, Some(target.to_owned()))
}

pub fn rules(drafts: Vec<RuleDraft>) -> Rules {
    let mut number = 0;
    let fresh = || {
        number += 1;
        Fresh { id: RuleId::new(Millis(1), [number; 10]), key: ExperimentKey([number; 32]) }
    };
    Rules::parse(drafts, OwnHosts::shared(&ShortDomain::parse("go.example").unwrap()), &Rules::default(), fresh).unwrap()
}

pub fn to(target: &str, conditions: ConditionsDraft) -> RuleDraft {
    RuleDraft { name: Some(target.rsplit('/').next().unwrap().into()), target: Some(target.into()), conditions, ..RuleDraft::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schedules_and_switches() {
    let running = start(&[]).await;
    let fallback = Some(url("https://example.com/else"));
    let window = Gate { starts_at: Some(NOON.plus(1_000)), expires_at: Some(NOON.plus(2_000)), ..Gate::default() };
    running.know("page", gated("https://example.com/", window.clone()));
    running
        .know("else", ResolvedLink { forward_query: true, ..gated("https://example.com/", Gate { fallback: fallback.clone(), ..window }) });
    running.know("off", gated("https://example.com/", Gate { disabled: true, fallback, ..Gate::default() }));
    assert_eq!(ask(&running, "/page", &[]).await, (404, None));
    assert_eq!(ask(&running, "/else?a=1", &[]).await, led(302, "https://example.com/else"));
    running.clock.advance(1_000);
    assert_eq!(ask(&running, "/page", &[]).await, led(302, "https://example.com/"));
    assert_eq!(ask(&running, "/else?a=1", &[]).await, led(302, "https://example.com/?a=1"));
    running.clock.advance(1_000);
    assert_eq!(ask(&running, "/page", &[]).await, (410, None));
    assert_eq!(ask(&running, "/else", &[]).await, led(302, "https://example.com/else"));
    assert_eq!(ask(&running, "/off", &[]).await, (404, None));
    let told: Vec<_> = running.captured().await.into_iter().map(|click| (click.outcome, click.status)).collect();
    let (on, off) = ((Outcome::Redirected, 302), (Outcome::Disabled, 404));
    assert_eq!(told, [off, (Outcome::Fallback, 302), on, on, (Outcome::Expired, 410), (Outcome::Fallback, 302), off]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_rule_that_holds_leads_and_is_captured() {
    let running = start(&["127.0.0.0/8"]).await;
    let texts = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    let none = ConditionsDraft::default;
    let gate = Gate {
        rules: rules(vec![
            to("https://example.com/berlin-phone", ConditionsDraft { countries: texts(&["DE"]), devices: vec![Device::Mobile], ..none() }),
            to("https://example.com/berlin", ConditionsDraft { regions: texts(&["DE-BE"]), ..none() }),
            to("https://example.com/ios", ConditionsDraft { systems: texts(&["iOS"]), ..none() }),
            to("https://example.com/french", ConditionsDraft { languages: texts(&["fr"]), ..none() }),
        ]),
        ..Gate::default()
    };
    running.know("rules", ResolvedLink { forward_query: true, ..gated("https://example.com/", gate) });
    let (berlin, elsewhere) = (("x-forwarded-for", "203.0.113.7"), ("x-forwarded-for", "198.51.100.7"));
    let iphone = ("user-agent", IPHONE);
    assert_eq!(ask(&running, "/rules?a=1", &[berlin, iphone]).await, led(302, "https://example.com/berlin-phone?a=1"));
    assert_eq!(ask(&running, "/rules", &[berlin]).await, led(302, "https://example.com/berlin"));
    assert_eq!(ask(&running, "/rules", &[elsewhere, iphone]).await, led(302, "https://example.com/ios"));
    assert_eq!(ask(&running, "/rules", &[elsewhere, ("accept-language", "fr-CH,de;q=0.5")]).await, led(302, "https://example.com/french"));
    assert_eq!(ask(&running, "/rules", &[elsewhere]).await, led(302, "https://example.com/"));
    let clicks = running.captured().await;
    let names: Vec<_> = clicks.iter().map(|click| click.rule.as_ref().map(|rule| rule.name.clone())).collect();
    let name = |name: &str| Some(name.to_owned());
    assert_eq!(names, [name("berlin-phone"), name("berlin"), name("ios"), name("french"), None]);
    assert_eq!(clicks[0].rule.as_ref().unwrap().id, RuleId::new(Millis(1), [1; 10]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn languages_are_one_list_without_those_of_a_wrong_weight() {
    let running = start(&[]).await;
    let french = ConditionsDraft { languages: vec!["fr".into()], ..ConditionsDraft::default() };
    let gate = Gate { rules: rules(vec![to("https://example.com/french", french)]), ..Gate::default() };
    running.know("l", gated("https://example.com/", gate));
    let long = "en;q=0.1,".repeat(100);
    let cases: [(&[&str], &str); 7] = [
        (&["de;q=bogus,fr;q=0.1"], "french"),
        (&["fr;q=2, de;q=0.1"], ""),
        (&["de;q=0.5", "fr"], "french"),
        (&["de;q=0.5", "", "it;q=0.1", "fr;q=0.6"], "french"),
        (&["de;q=0.5", "fr;q=0.4"], ""),
        // Beyond the bound nothing is read.
        (&[&long, "fr"], ""),
        (&["fr", &long], "french"),
    ];
    for (lines, target) in cases {
        let headers: Vec<(&str, &str)> = lines.iter().map(|line| ("accept-language", *line)).collect();
        assert_eq!(ask(&running, "/l", &headers).await, led(302, &format!("https://example.com/{target}")), "{lines:.20?}");
    }
    let captured: Vec<_> = running.captured().await.into_iter().map(|click| click.accept_language.unwrap()).collect();
    assert_eq!(captured[3], "de;q=0.5, it;q=0.1, fr;q=0.6");
    assert!(captured[5].len() <= 256 && captured[5].ends_with("en;q=0.1"), "{captured:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_links_whose_rules_ask_for_it_look_anything_up() {
    let running = start(&["127.0.0.0/8"]).await;
    running.know("plain", link("https://example.com/"));
    let by_query = domain::ParameterCondition { key: "to".into(), values: vec!["a".into()] };
    let cheap = ConditionsDraft { parameters: vec![by_query], languages: vec!["fr".into()], ..ConditionsDraft::default() };
    let gate = Gate { rules: rules(vec![to("https://example.com/a", cheap)]), expires_at: Some(NOON.plus(1_000)), ..Gate::default() };
    running.know("cheap", gated("https://example.com/", gate));
    let by_place = ConditionsDraft { countries: vec!["DE".into()], ..ConditionsDraft::default() };
    running.know(
        "place",
        gated("https://example.com/", Gate { rules: rules(vec![to("https://example.com/a", by_place)]), ..Gate::default() }),
    );
    let looked = || (running.metric("redirector_geo_look_ups_total"), running.metric("redirector_agents_parsed_total"));
    let headers = [("x-forwarded-for", "203.0.113.7"), ("user-agent", IPHONE)];
    for path in ["/plain", "/plain?to=a", "/cheap?to=a"] {
        assert_eq!(ask(&running, path, &headers).await.0, 302);
    }
    assert_eq!(looked(), (0, 0));
    assert_eq!(ask(&running, "/place", &headers).await, led(302, "https://example.com/a"));
    assert_eq!(looked(), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitor_stays_with_a_variant_without_a_cookie() {
    let running = start(&["127.0.0.0/8"]).await;
    let variant = |name: &str, weight| VariantDraft { name: name.into(), target: format!("https://example.com/{name}"), weight };
    let draft = RuleDraft {
        name: Some("test".into()),
        variants: vec![variant("A", 1), variant("B", 1), variant("off", 0)],
        ..RuleDraft::default()
    };
    running.know("v", gated("https://example.com/", Gate { rules: rules(vec![draft]), ..Gate::default() }));
    let mut met = Vec::new();
    for round in 0..2 {
        for network in 0..40 {
            // Another host of the same network is the same visitor.
            let ip = format!("198.51.{network}.{}", round + 1);
            met.push(ask(&running, "/v", &[("x-forwarded-for", &ip), ("user-agent", IPHONE)]).await.1.unwrap());
        }
    }
    assert_eq!(met[..40], met[40..]);
    let a = met[..40].iter().filter(|target| target.ends_with("/A")).count();
    assert!((8..=32).contains(&a) && !met.iter().any(|target| target.ends_with("/off")), "{a}");
    let clicks = running.captured().await;
    let variant = |click: &domain::CapturedClick| click.rule.as_ref().unwrap().variant.clone().unwrap();
    assert_eq!(clicks.iter().map(|click| format!("https://example.com/{}", variant(click))).collect::<Vec<_>>(), met);
}

/// The status, where the answer leads, and its cookie.
async fn post(running: &Running, ip: &str, body: &'static str) -> (u16, Option<String>, Option<String>) {
    let answer = running.http.post(running.url("/p")).header("x-forwarded-for", ip).body(body).send().await.unwrap();
    let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), header("location"), header("set-cookie"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_asked_for_each_time_and_throttled() {
    let running = start(&["127.0.0.0/8"]).await;
    let gate = Gate { password: Some(sesame()), ..Gate::default() };
    running.know(
        "p",
        ResolvedLink { redirect_status: domain::RedirectStatus::parse(307).unwrap(), ..gated("https://example.com/secret", gate) },
    );
    let form = running.get("/p").await;
    let policy = form.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(form.status() == 200 && policy.starts_with("default-src 'none'") && policy.contains("form-action 'self'"), "{policy}");
    let page = form.text().await.unwrap();
    assert!(page.contains("<form method=\"post\">") && !page.contains("secret") && !page.contains("<script"), "{page}");
    assert_eq!(post(&running, "198.51.100.1", "password=wrong").await, (403, None, None));
    assert_eq!(post(&running, "198.51.100.1", "").await, (403, None, None));
    // Never 307, with which the browser would send the password on.
    let right = (303, Some("https://example.com/secret".to_owned()), None);
    assert_eq!(post(&running, "198.51.100.1", "password=open+sesame").await, right);
    assert_eq!(ask(&running, "/p", &[]).await, (200, None));
    for _ in 0..5 {
        assert_eq!(post(&running, "198.51.100.2", "password=wrong").await.0, 403);
    }
    assert_eq!(post(&running, "198.51.100.9", "password=open+sesame").await.0, 429);
    assert_eq!(post(&running, "198.51.101.9", "password=open+sesame").await, right);
    running.clock.advance(60_000);
    assert_eq!(post(&running, "198.51.100.9", "password=open+sesame").await, right);
    // Nothing can be posted to other links, nor too much to this one.
    running.know("open", link("https://example.com/"));
    assert_eq!(running.http.post(running.url("/open")).body("password=x").send().await.unwrap().status(), 405);
    let long = format!(
        "POST /p HTTP/1.1\r\nHost: go.example\r\nX-Forwarded-For: 192.0.2.1\r\nContent-Length: 100000\r\n\r\n{}",
        "x".repeat(100_000)
    );
    assert_eq!(statuses(&running, long.as_bytes()).await, [413]);
    let clicks = running.captured().await;
    let led_on: Vec<_> =
        clicks.iter().filter(|click| click.outcome == Outcome::Redirected).map(|click| (click.method, click.status)).collect();
    assert_eq!(led_on, [(Method::Post, 303); 3]);
    assert!(clicks.iter().all(|click| matches!(click.outcome, Outcome::Redirected | Outcome::Password)));
    assert!(clicks.iter().all(|click| !format!("{click:?}").contains("sesame")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_guesses_no_faster_and_those_who_have_not_guessed_go_first() {
    let running = start(&["127.0.0.0/8"]).await;
    running.know("p", gated("https://example.com/secret", Gate { password: Some(sesame()), ..Gate::default() }));
    let wrong = async |from: u32, to: u32| {
        for network in from..to {
            assert_eq!(post(&running, &format!("192.0.{network}.1"), "password=wrong").await.0, 403, "{network}");
        }
    };
    let right = async |network: u32| post(&running, &format!("192.0.{network}.1"), "password=open+sesame").await.0;
    wrong(0, 50).await;
    // The crowd has had its share, also those of it who know the word by now; nobody else suffers.
    assert_eq!((right(0).await, right(200).await, right(200).await), (429, 303, 303));
    wrong(50, 100).await;
    assert_eq!((right(99).await, right(201).await), (429, 429));
    // Whoever was refused has guessed nothing.
    running.clock.advance(60_000);
    wrong(100, 150).await;
    assert_eq!((right(0).await, right(99).await, right(201).await), (429, 429, 303));
    // The right word, or time, makes a network like any other.
    running.clock.advance(60_000);
    assert_eq!(right(0).await, 303);
    wrong(150, 200).await;
    assert_eq!((right(0).await, right(1).await), (303, 429));
    running.clock.advance(180_000);
    wrong(150, 200).await;
    assert_eq!((right(1).await, right(150).await), (303, 429));
}
