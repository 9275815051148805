//! Pages on which visitors decide about themselves: whether they may be recognised, and whether their
//! clicks are their own. They work without a script, and no choice is made to look better than another.

use std::fmt::Write as _;

use hyper::header::{HeaderValue, REFERRER_POLICY};

use super::html::{escaped, page};
use crate::answer::{Answer, FORM_POLICY};
use crate::consent::Heard;
use crate::ignored;

const STYLE: &str = ":root{color-scheme:light dark}body{font:1.1rem/1.5 system-ui,sans-serif;margin:0 auto;max-width:36rem;\
                     padding:8vh 1rem}h1{font-size:1.8rem;margin:0;overflow-wrap:anywhere}h2{font-size:1.2rem;margin:2.5rem 0 0}\
                     p{margin:1rem 0;overflow-wrap:anywhere}.choices{display:flex;flex-wrap:wrap;gap:1rem}\
                     button{font:inherit;flex:1 1 14rem;padding:.75rem 1rem}";

/// Asks whether the visitor of a link may be recognised, before they are led on. `referrer` is where
/// they came from, which would be lost on the way through the form.
pub(crate) fn consent(asking: &Heard, host: &str, referrer: Option<&str>) -> Answer {
    let host = escaped(host);
    let mut html = start("Before you go on");
    html.push_str("<h1>Before you go on</h1><p>");
    match &asking.controller {
        Some(name) => drop(write!(html, "<strong>{}</strong>, who made this short link, asks", escaped(name))),
        None => html.push_str("Whoever made this short link asks"),
    }
    html.push_str(
        ": may this browser be recognised when it opens other short links of theirs? For that a random number would be kept in \
         it, for 13 months at most. It serves to count how many different people come, and how many come again.</p>\
         <p>Without it your visit is counted, and nothing is kept that tells you from others. You are led to the same page either \
         way.</p><form method=\"post\">",
    );
    if let Some(referrer) = referrer {
        let _ = write!(html, "<input type=\"hidden\" name=\"referrer\" value=\"{}\">", escaped(referrer));
    }
    let _ = write!(
        html,
        "<p class=\"choices\"><button name=\"consent\" value=\"given\">Continue with recognition</button>\
         <button name=\"consent\" value=\"refused\">Continue without recognition</button></p></form>\
         <p>You can take your answer back at any time at <a href=\"{path}\">{host}{path}</a>.",
        path = ignored::PATH
    );
    if let Some(url) = &asking.policy_url {
        let _ = write!(html, " <a href=\"{}\" rel=\"noreferrer\">What becomes of your data</a>", escaped(url));
    }
    html.push_str("</p></main></html>");
    form_page(html)
}

/// What this host's cookies say of the visitor, and how to change it.
pub(crate) fn own_clicks(host: &str, is_ignored: bool, has_answers: bool) -> Answer {
    let host = escaped(host);
    let mut html = start("Your clicks");
    let (state, value, choice) = match is_ignored {
        true => {
            ("Clicks from this browser are <strong>ignored</strong>: they are marked as your own, and not counted.", "0", "Count my clicks")
        }
        false => ("Clicks from this browser are <strong>counted</strong>.", ignored::YES, "Ignore my clicks on this device"),
    };
    let _ = write!(
        html,
        "<h1>Your clicks at {host}</h1><p>{state}</p>{form}<p class=\"choices\"><button name=\"ignore\" value=\"{value}\">{choice}</button></p></form>\
         <p>This is for those who try their own short links. It holds for this browser and for {host} alone, for 13 months, by a \
         cookie that says nothing else.</p>",
        form = form()
    );
    if has_answers {
        let _ = write!(
            html,
            "<h2>Being recognised</h2><p>You were asked here whether you may be recognised, and this browser remembers your answer.</p>\
             {}<p class=\"choices\"><button name=\"forget\" value=\"1\">Forget my answers</button></p></form>",
            form()
        );
    }
    html.push_str("</main></html>");
    form_page(html)
}

fn start(title: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style><main>"
    )
}

fn form() -> String {
    format!("<form method=\"post\" action=\"{}\">", ignored::PATH)
}

/// To this host alone the browser tells where the form was, so that others' forms are known.
fn form_page(html: String) -> Answer {
    let mut answer = page(html, HeaderValue::from_static(FORM_POLICY));
    answer.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    answer
}
