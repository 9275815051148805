//! What is shown of a link beside leading on: previews, cards, QR codes.

use domain::{Gate, LinkCard, Method, Millis, Outcome, ResolvedLink, TargetUrl};
use reqwest::StatusCode;

use domain::{ConditionsDraft, RuleDraft, VariantDraft};

use crate::fixture::{Running, gated, link, start};
use crate::gates::{rules, to};

const NOON: Millis = Millis(1_772_366_400_000);
const PERSON: &str = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0";
const SLACK: &str = "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)";

fn with_card(link: ResolvedLink) -> ResolvedLink {
    let card = LinkCard {
        title: Some("\"Spring\" <script>alert(1)</script>".into()),
        description: Some("All of it & more".into()),
        image: Some(TargetUrl::from_store("https://example.com/i.png?a=1&b='".into())),
    };
    ResolvedLink { card: card.shown(), ..link }
}

async fn page(running: &Running, path: &str) -> (u16, String, String) {
    let answer = running.http.get(running.url(path)).header("user-agent", PERSON).send().await.unwrap();
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    (answer.status().as_u16(), policy, answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_says_where_a_link_leads_and_how_to_report_it() {
    let running = start(&[]).await;
    let target = "https://shop.example:8443/a?b=%3Cscript%3E&c='\"";
    running.know("a", with_card(link(target)));
    let (status, policy, html) = page(&running, "/A+").await;
    assert_eq!(status, 200);
    assert!(policy.ends_with("form-action https://links.example/report") && policy.starts_with("default-src 'none'"), "{policy}");
    for text in [
        "https://go.example/a",
        "<h1>shop.example:8443</h1>",
        "b=%3Cscript%3E&amp;c=&#39;&quot;",
        "&quot;Spring&quot; &lt;script&gt;",
        "All of it &amp; more",
        "<form method=\"post\" action=\"https://links.example/report\">",
        "name=\"link\" value=\"lnk_",
        "value=\"phishing\"",
    ] {
        assert!(html.contains(text), "{text} is not in {html}");
    }
    assert!(!html.contains("<script") && !html.contains("one of these"), "{html}");
    // It is told of, and nobody was led on.
    let [click] = running.captured().await.try_into().unwrap();
    assert_eq!((click.outcome, click.status, click.method, click.target.as_str()), (Outcome::Preview, 200, Method::Get, target));
    assert!(!click.outcome.is_counted());
    assert_eq!(click.url, "https://go.example/A+");
}

/// No target is hidden behind another, and none is named to which nobody is led.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_says_every_target_that_rules_leave_open() {
    let running = start(&[]).await;
    let (shop, bank, other) = ("https://shop.example/", "https://bank.example/", "https://other.example/");
    let on_paper = || ConditionsDraft { countries: vec!["DE".into()], ..ConditionsDraft::default() };
    let with = |drafts| gated(shop, Gate { rules: rules(drafts), ..Gate::default() });
    let variants = |targets: [&str; 2]| {
        let variant = |target: &str| VariantDraft { name: target["https://".len()..].into(), target: target.into(), weight: 1 };
        RuleDraft { target: None, variants: targets.into_iter().map(variant).collect(), ..to(bank, ConditionsDraft::default()) }
    };
    running.know("some", with(vec![to(bank, on_paper())]));
    running.know("all", with(vec![to(bank, ConditionsDraft::default())]));
    running.know("two", with(vec![to(shop, on_paper()), variants([bank, other])]));
    for (path, named, hidden) in
        [("/some+", vec![shop, bank], vec![other]), ("/all+", vec![bank], vec![shop, other]), ("/two+", vec![shop, bank, other], vec![])]
    {
        let (_, _, html) = page(&running, path).await;
        assert!(named.iter().all(|target| html.contains(target)) && !hidden.iter().any(|target| html.contains(target)), "{path}: {html}");
        assert_eq!(html.contains("one of these"), named.len() > 1, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_tells_no_more_than_the_link_would() {
    let running = start(&[]).await;
    let secret = "https://secret.example/";
    let password = Some(domain::PasswordHash("$argon2id$".into()));
    running.know("password", with_card(gated(secret, Gate { password, ..Gate::default() })));
    running.know("few", with_card(gated(secret, Gate { click_limit: Some(domain::ClickLimit::parse(1).unwrap()), ..Gate::default() })));
    running.know("off", gated(secret, Gate { disabled: true, ..Gate::default() }));
    running.know("early", gated(secret, Gate { starts_at: Some(NOON.plus(1)), ..Gate::default() }));
    running.know("late", gated(secret, Gate { expires_at: Some(NOON), ..Gate::default() }));
    running.know("gone", ResolvedLink { deleted: true, ..link(secret) });
    for (path, wanted) in
        [("/password+", 200), ("/few+", 200), ("/off+", 404), ("/early+", 404), ("/late+", 410), ("/gone+", 410), ("/nothing+", 404)]
    {
        let (status, _, html) = page(&running, path).await;
        assert_eq!(status, wanted, "{path}");
        assert!(!html.contains("secret.example") && !html.contains("Spring"), "{html}");
        assert_eq!(html.contains("<form"), wanted == 200, "{path}");
    }
    let outcomes: Vec<_> = running.captured().await.into_iter().map(|click| (click.outcome, click.status)).collect();
    assert_eq!(outcomes, [200, 200, 404, 404, 410, 410].map(|status| (Outcome::Preview, status)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_that_show_links_get_a_card_and_everybody_else_is_led_on() {
    let running = start(&[]).await;
    running.know("a", with_card(link("https://example.com/")));
    running.know("plain", link("https://example.com/"));
    running.know(
        "p",
        with_card(gated("https://secret.example/", Gate { password: Some(domain::PasswordHash("$".into())), ..Gate::default() })),
    );
    let ask = async |path: &str, agent: &str| {
        let answer = running.http.get(running.url(path)).header("user-agent", agent).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, card) = ask("/a?x=1", SLACK).await;
    assert_eq!(status, 200);
    for text in [
        "<meta property=\"og:title\" content=\"&quot;Spring&quot; &lt;script&gt;alert(1)&lt;/script&gt;\">",
        "<meta property=\"og:description\" content=\"All of it &amp; more\">",
        "<meta property=\"og:image\" content=\"https://example.com/i.png?a=1&amp;b=&#39;\">",
        "<meta property=\"og:url\" content=\"https://go.example/a\">",
        "<link rel=\"canonical\" href=\"https://go.example/a\">",
        "<meta name=\"twitter:card\" content=\"summary_large_image\">",
    ] {
        assert!(card.contains(text), "{text} is not in {card}");
    }
    assert!(!card.contains("<script"), "{card}");
    for (path, agent) in
        [("/a", PERSON), ("/a", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"), ("/plain", SLACK)]
    {
        assert_eq!(ask(path, agent).await.0, 302, "{path} {agent}");
    }
    let (status, hidden) = ask("/p", SLACK).await;
    assert!(status == 200 && !hidden.contains("og:") && !hidden.contains("secret") && !hidden.contains("Spring"), "{hidden}");
    let outcomes: Vec<_> = running.captured().await.into_iter().map(|click| (click.outcome, click.status)).collect();
    let led = (Outcome::Redirected, 302);
    assert_eq!(outcomes, [(Outcome::Preview, 200), led, led, led, (Outcome::Password, 200)]);
}

/// What a reader of QR codes makes of an image, given as rows of whether a pixel is dark.
fn read(side: usize, dark: impl Fn(usize, usize) -> bool) -> String {
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(side, side, |x, y| if dark(x, y) { 0 } else { 255 });
    let codes = image.detect_grids();
    assert_eq!(codes.len(), 1);
    codes[0].decode().unwrap().1
}

fn read_png(bytes: &[u8]) -> (u32, [u8; 3], String) {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let side = reader.info().width;
    assert_eq!(side, reader.info().height);
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    let luminance = |x: usize, y: usize| pixels[(y * side as usize + x) * 3..][..3].iter().map(|value| u32::from(*value)).sum::<u32>();
    let text = read(side as usize, |x, y| luminance(x, y) < 3 * 128);
    (side, pixels[..3].try_into().unwrap(), text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_read_by_a_reader_of_codes() {
    let running = start(&[]).await;
    let long = "long-slug-_".repeat(5);
    for slug in ["a", &long] {
        running.know(slug, link("https://example.com/"));
        let url = format!("https://go.example/{slug}?qr=1");
        for (query, side) in [
            ("", 512),
            ("?level=L&size=64&margin=1", 64),
            ("?level=H&size=2048&margin=16", 2_048),
            ("?logo=1&size=300", 300),
            ("?fg=103080&bg=ffe&level=Q&size=333", 333),
        ] {
            let answer = running.get(&format!("/{slug}/qr.png{query}")).await;
            assert_eq!((answer.status(), answer.headers()["content-type"].to_str().unwrap()), (StatusCode::OK, "image/png"), "{query}");
            let (found, corner, text) = read_png(&answer.bytes().await.unwrap());
            assert_eq!((found, text.as_str()), (side, url.as_str()), "{query}");
            assert_eq!(corner, if query.contains("bg=ffe") { [0xff, 0xff, 0xee] } else { [255; 3] });
        }
        let answer = running.get(&format!("/{slug}/qr.svg?size=256&fg=036")).await;
        assert_eq!(answer.headers()["content-type"], "image/svg+xml");
        let svg = answer.text().await.unwrap();
        assert!(svg.contains("width=\"256\"") && svg.contains("fill=\"#003366\""), "{svg}");
        assert_eq!(read_svg(&svg), url);
    }
    assert_eq!(running.metric("redirector_clicks_total"), 0);
}

/// Draws the dark path of an SVG as this program writes it, eight pixels a module.
fn read_svg(svg: &str) -> String {
    let side: usize = svg.split("viewBox=\"0 0 ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    let path = svg.rsplit("d=\"").next().unwrap();
    let mut dark = vec![false; side * side];
    for run in path.split('M').skip(1) {
        let (x, rest) = run.split_once(' ').unwrap();
        let (y, rest) = rest.split_once('h').unwrap();
        let (x, y, length): (usize, usize, usize) =
            (x.parse().unwrap(), y.parse().unwrap(), rest.split('v').next().unwrap().parse().unwrap());
        dark[y * side + x..][..length].fill(true);
    }
    read(side * 8, |x, y| dark[y / 8 * side + x / 8])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scan_is_told_of_and_the_target_is_not_bothered_with_it() {
    let running = start(&[]).await;
    running.know("a", ResolvedLink { forward_query: true, ..link("https://example.com/") });
    let answer = running.get("/a?qr=1&x=2").await;
    assert_eq!(answer.headers()["location"], "https://example.com/?x=2");
    let [click] = running.captured().await.try_into().unwrap();
    assert_eq!(click.url, "https://go.example/a?qr=1&x=2");
    assert_eq!(domain::parse_utm(&click.url, &click.target).0.source.as_deref(), Some("qr"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_are_cached_and_bad_orders_are_told_all_that_is_wrong() {
    let running = start(&[]).await;
    running.know("a", link("https://example.com/"));
    running.know("gone", ResolvedLink { deleted: true, ..link("https://example.com/") });
    let answer = running.get("/a/qr.svg").await;
    assert_eq!(answer.headers()["cache-control"], "public, max-age=3600");
    let tag = answer.headers()["etag"].to_str().unwrap().to_owned();
    let again = async |path: &str| {
        let answer = running.http.get(running.url(path)).header("if-none-match", &tag).send().await.unwrap();
        (answer.status().as_u16(), answer.bytes().await.unwrap().len())
    };
    assert_eq!(again("/A/qr.svg").await, (304, 0));
    let listed = running.http.get(running.url("/a/qr.svg")).header("if-none-match", format!("\"x\", W/{tag}")).send().await.unwrap();
    assert_eq!(listed.status(), 304);
    assert_eq!(again("/a/qr.svg?size=100").await.0, 200);
    assert_eq!(again("/a/qr.png").await.0, 200);
    assert_eq!(running.http.head(running.url("/a/qr.png")).send().await.unwrap().status(), 200);
    let bad = running.get("/a/qr.png?size=99999999&level=X&fg=red&bg=000").await;
    assert_eq!((bad.status().as_u16(), bad.headers()["content-type"].to_str().unwrap()), (400, "text/plain; charset=utf-8"));
    let told = bad.text().await.unwrap();
    assert_eq!(told.lines().map(|line| line.split(':').next().unwrap()).collect::<Vec<_>>(), ["level", "size", "fg"]);
    let small = running.get(&format!("/a/qr.png?size=64&margin=16&level=H&fg={}", "0".repeat(6))).await;
    assert_eq!(small.status(), 400);
    for (path, status) in [("/gone/qr.svg", 410), ("/none/qr.svg", 404), ("/a/qr.gif", 404)] {
        assert_eq!(running.get(path).await.status(), status, "{path}");
    }
    let icon = running.get("/favicon.ico").await;
    assert_eq!(
        (icon.headers()["content-type"].to_str().unwrap(), icon.headers()["cache-control"].to_str().unwrap()),
        ("image/png", "public, max-age=86400")
    );
    assert!(icon.bytes().await.unwrap().starts_with(b"\x89PNG"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_says_that_it_is_what_it_says() {
    let running = start(&[]).await;
    running.know("a", link("https://example.com/"));
    for path in ["/a", "/a+", "/a/qr.svg", "/a/qr.png?size=1", "/none", "/", "/robots.txt", "/favicon.ico"] {
        assert_eq!(running.get(path).await.headers()["x-content-type-options"], "nosniff", "{path}");
    }
    // What a redirect's target learns of where a visitor came from is the link's owner's to say.
    assert!(running.get("/a").await.headers().get("referrer-policy").is_none());
}
