//! The preview page: where a link leads, for people who want to know before they go, and a form to
//! report it. The form posts to the API, which has the database; a redirector needs none.

use std::fmt::Write as _;

use domain::{Millis, ReportReason, ResolvedLink, Timing};
use hyper::header::HeaderValue;

use super::html::{escaped, host_of, page};
use crate::answer::{self, Answer, PAGE_POLICY, Page};

const STYLE: &str = ":root{color-scheme:light dark}body{font:1.1rem/1.5 system-ui,sans-serif;margin:0 auto;max-width:36rem;\
                     padding:8vh 1rem}h1{font-size:1.8rem;margin:0;overflow-wrap:anywhere}p{margin:.5rem 0}.url{overflow-wrap:anywhere;\
                     opacity:.75}details{margin-top:3rem}label{display:block}textarea{box-sizing:border-box;width:100%}";

/// What is shown of a link that leads nowhere at `now`.
fn closed(link: &ResolvedLink, now: Millis) -> Option<Page> {
    if link.deleted {
        return Some(Page::Gone);
    }
    let gate = link.gate.as_ref()?;
    if gate.disabled {
        return Some(Page::Disabled);
    }
    match gate.timing(now) {
        Timing::Open => None,
        Timing::Early => Some(Page::Early),
        Timing::Expired => Some(Page::Expired),
    }
}

/// The page of a link at its `short_url`; what is closed shows what its link would. `report_url` is
/// where reports are taken.
pub(crate) fn preview(link: &ResolvedLink, short_url: &str, report_url: Option<&str>, now: Millis) -> Answer {
    if let Some(closed) = closed(link, now) {
        return answer::page(closed);
    }
    let short = escaped(short_url);
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Where a short link leads</title><style>{STYLE}</style><main><p class=\"url\">{short} leads to</p>"
    );
    let gate = link.gate.as_ref();
    if gate.is_some_and(|gate| gate.password.is_some()) {
        html.push_str("<h1>A page with a password</h1><p>Where it leads is shown to those who know the password.</p>");
    } else if gate.is_some_and(|gate| gate.click_limit.is_some()) {
        html.push_str("<h1>A page for a limited number of visits</h1><p>Where it leads is shown to those who open the link.</p>");
    } else {
        shown(link, &mut html);
    }
    let _ = write!(html, "<p><a href=\"{short}\" rel=\"nofollow\">Open the link</a></p>");
    match report_url {
        Some(url) => form(link, url, &mut html),
        None => {
            let host = escaped(host_of(short_url));
            let _ = write!(html, "<p class=\"url\">To report this link, write to whoever runs {host}.</p>");
        }
    }
    html.push_str("</main></html>");
    page(html, policy(report_url))
}

/// Every target that the link's rules leave open, so that none is hidden behind another.
fn shown(link: &ResolvedLink, html: &mut String) {
    let targets = link.gate.as_ref().map_or_else(|| vec![&link.target], |gate| gate.rules.targets(&link.target));
    for target in &targets {
        let target = target.as_str();
        let _ = write!(html, "<h1>{}</h1><p class=\"url\">{}</p>", escaped(host_of(target)), escaped(target));
    }
    if let Some(card) = &link.card {
        for text in [&card.title, &card.description].into_iter().flatten() {
            let _ = write!(html, "<p>{}</p>", escaped(text));
        }
    }
    if targets.len() > 1 {
        html.push_str("<p>It leads each visitor to one of these, such as by country, device, time or chance.</p>");
    }
}

fn form(link: &ResolvedLink, url: &str, html: &mut String) {
    let _ = write!(
        html,
        "<details><summary>Report this link</summary><form method=\"post\" action=\"{}\"><input type=\"hidden\" name=\"link\" \
         value=\"{}\"><p>What is wrong with it?</p>",
        escaped(url),
        link.id
    );
    for reason in ReportReason::ALL {
        let (name, label) = (reason.as_str(), reason.label());
        let _ = write!(html, "<label><input type=\"radio\" name=\"reason\" value=\"{name}\" required> {label}</label>");
    }
    html.push_str(
        "<p><label>More about it, if you like: <textarea name=\"text\" rows=\"4\" maxlength=\"1000\"></textarea></label></p>\
         <p><button>Send the report</button></p><p class=\"url\">Nothing about you is kept with it.</p></form></details>",
    );
}

/// Lets the form reach the one address that takes reports.
fn policy(report_url: Option<&str>) -> HeaderValue {
    let Some(url) = report_url else { return HeaderValue::from_static(PAGE_POLICY) };
    let policy = PAGE_POLICY.replace("form-action 'none'", &format!("form-action {url}"));
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static(PAGE_POLICY))
}
