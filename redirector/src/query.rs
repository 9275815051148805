//! The query of a request, apart from what in it is said to the redirector alone: that neither reaches
//! the target nor is kept.

use std::borrow::Cow;

use domain::{CONSENT_PARAMETER, is_signed_consent};
use hyper::Uri;

use crate::ignored;

#[derive(Clone, Debug, Default)]
pub(crate) struct Query<'a> {
    /// What a link's rules, its target and the click get of it.
    rest: Option<Cow<'a, str>>,
    /// Whether that is less than there was.
    is_less: bool,
    /// Whether the click is the visitor's own.
    pub is_own: bool,
    /// A signed answer about consent, unchecked.
    pub consent: Option<&'a str>,
}

impl<'a> Query<'a> {
    pub fn of(query: Option<&'a str>) -> Self {
        let Some(query) = query else { return Self::default() };
        if !query.split('&').any(|pair| Wish::of(pair).is_some()) {
            return Self { rest: Some(Cow::Borrowed(query)), ..Self::default() };
        }
        let mut read = Self { is_less: true, ..Self::default() };
        let mut rest = Vec::new();
        for pair in query.split('&') {
            match Wish::of(pair) {
                Some(Wish::Ignored(value)) => read.is_own |= value == ignored::YES,
                Some(Wish::Consent(value)) => read.consent = Some(value),
                None => rest.push(pair),
            }
        }
        read.rest = (!rest.is_empty()).then(|| Cow::Owned(rest.join("&")));
        read
    }

    pub fn rest(&self) -> Option<&str> {
        self.rest.as_deref()
    }

    /// The path and query of `uri`, whose query this is, as far as they are kept.
    pub fn kept<'u>(&self, uri: &'u Uri) -> Cow<'u, str> {
        match (self.is_less, self.rest()) {
            (false, _) => Cow::Borrowed(uri.path_and_query().map_or("/", |path| path.as_str())),
            (true, None) => Cow::Borrowed(uri.path()),
            (true, Some(rest)) => Cow::Owned(format!("{}?{rest}", uri.path())),
        }
    }
}

enum Wish<'a> {
    Ignored(&'a str),
    Consent(&'a str),
}

impl<'a> Wish<'a> {
    fn of(pair: &'a str) -> Option<Self> {
        let (name, value) = pair.split_once('=')?;
        match name {
            ignored::NAME => Some(Self::Ignored(value)),
            // Others may have a parameter of that name.
            CONSENT_PARAMETER if is_signed_consent(value) => Some(Self::Consent(value)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_the_redirector_goes_no_further() {
        let read = |query: Option<&str>| {
            let uri: Uri = query.map_or("/a".to_owned(), |query| format!("/a?{query}")).parse().unwrap();
            let query = Query::of(uri.query());
            (query.kept(&uri).into_owned(), query.is_own, query.consent.map(str::to_owned))
        };
        let of = |path: &str, is_own, consent: Option<&str>| (path.to_owned(), is_own, consent.map(str::to_owned));
        assert_eq!(read(None), of("/a", false, None));
        assert_eq!(read(Some("")), of("/a?", false, None));
        assert_eq!(read(Some("x=%41&&y")), of("/a?x=%41&&y", false, None));
        assert_eq!(read(Some("ll_ignore=1")), of("/a", true, None));
        assert_eq!(read(Some("x=1&ll_ignore=0&y=2")), of("/a?x=1&y=2", false, None));
        assert_eq!(read(Some("consent=v1.given.9..s&ll_ignore=1&x=1")), of("/a?x=1", true, Some("v1.given.9..s")));
        assert_eq!(read(Some("consent=yes&xll_ignore=1")), of("/a?consent=yes&xll_ignore=1", false, None));
    }
}
