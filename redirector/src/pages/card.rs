//! The card of a link: what services that show links where they are posted read, instead of being
//! sent on. People, and search engines, are always sent on.

use std::fmt::Write as _;

use domain::ResolvedLink;
use hyper::header::HeaderValue;

use super::html::{escaped, host_of, page};
use crate::answer::{Answer, PAGE_POLICY};

/// The card, if the link has one and the request is of those that show it. `short_url` is the link's,
/// without a query.
pub(crate) fn card(link: &ResolvedLink, user_agent: Option<&str>, short_url: &str) -> Option<Answer> {
    let card = link.card.as_ref()?;
    user_agent.filter(|agent| enrich::is_unfurler(agent))?;
    let title = escaped(card.title.as_deref().unwrap_or_else(|| host_of(link.target.as_str())));
    let (short_url, site) = (escaped(short_url), escaped(host_of(short_url)));
    let mut html = String::new();
    // What it names as its own address is the short one: with the target's, the target would be shown.
    let _ = write!(
        html,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><link rel=\"canonical\" \
         href=\"{short_url}\"><meta property=\"og:type\" content=\"website\"><meta property=\"og:url\" content=\"{short_url}\">\
         <meta property=\"og:site_name\" content=\"{site}\"><meta property=\"og:title\" content=\"{title}\">\
         <meta name=\"twitter:title\" content=\"{title}\">"
    );
    if let Some(description) = card.description.as_deref().map(escaped) {
        let _ = write!(
            html,
            "<meta name=\"description\" content=\"{description}\"><meta property=\"og:description\" content=\"{description}\">\
             <meta name=\"twitter:description\" content=\"{description}\">"
        );
    }
    let kind = if card.image.is_some() { "summary_large_image" } else { "summary" };
    if let Some(image) = card.image.as_ref().map(|image| escaped(image.as_str())) {
        let _ = write!(html, "<meta property=\"og:image\" content=\"{image}\"><meta name=\"twitter:image\" content=\"{image}\">");
    }
    let _ = write!(
        html,
        "<meta name=\"twitter:card\" content=\"{kind}\"></head><body><p><a href=\"{short_url}\">{title}</a></p></body></html>"
    );
    Some(page(html, HeaderValue::from_static(PAGE_POLICY)))
}
