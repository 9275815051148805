//! What the redirector shows of a link beside leading on: its preview page at `/{slug}+`, its QR
//! code at `/{slug}/qr.svg` and `/qr.png`, and its card for services that show links where they are
//! posted. Beside them are the pages on which visitors decide about themselves. No slug has such a path, so a redirect is never asked whether it is one of these.

mod card;
mod choices;
mod html;
mod icon;
mod preview;
mod qr;

pub(crate) use card::card;
pub(crate) use choices::{consent, own_clicks};
pub(crate) use html::host_of;
pub(crate) use icon::icon;
pub(crate) use preview::preview;
pub(crate) use qr::{Drawing, Format, Order, qr_code};

/// A path beside that of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Aside<'a> {
    /// The path of what should be a link.
    pub path: &'a str,
    pub shown: Shown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    Preview,
    Qr(Format),
}

/// How such paths end. Some programs write `+` otherwise.
const ENDS: [(&str, Shown); 5] = [
    ("+", Shown::Preview),
    ("%2B", Shown::Preview),
    ("%2b", Shown::Preview),
    ("/qr.svg", Shown::Qr(Format::Svg)),
    ("/qr.png", Shown::Qr(Format::Png)),
];

impl<'a> Aside<'a> {
    pub fn of(path: &'a str) -> Option<Self> {
        let (path, shown) = ENDS.iter().find_map(|(end, shown)| Some((path.strip_suffix(end)?, *shown)))?;
        (!path.ends_with('/')).then_some(Self { path, shown })
    }
}

#[cfg(test)]
mod tests {
    use domain::Slug;

    use super::*;

    #[test]
    fn paths_beside_links() {
        let slug = |path: &str| Slug::fold_path(path.strip_prefix('/')?);
        let shown = |path: &str| Aside::of(path).and_then(|aside| Some((slug(aside.path)?, aside.shown)));
        assert_eq!(shown("/Ab-1+"), Some(("ab-1".into(), Shown::Preview)));
        assert_eq!(shown("/a%2b"), shown("/a+"));
        assert_eq!(shown("/a/qr.svg"), Some(("a".into(), Shown::Qr(Format::Svg))));
        assert_eq!(shown("/a/qr.png"), Some(("a".into(), Shown::Qr(Format::Png))));
        for path in [
            "/",
            "/+",
            "/a++",
            "/a+/",
            "/+a",
            "/qr.svg",
            "//qr.svg",
            "/a/b/qr.svg",
            "/a//qr.svg",
            "/a/+",
            "/a/qr.gif",
            "/a/QR.svg",
            "+",
            "",
        ] {
            assert_eq!(shown(path), None, "{path}");
        }
    }
}
