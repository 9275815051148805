//! The click's id on its way to the target, by which the target's page says later what became of the click.

use url::{Url, form_urlencoded};

use crate::ClickId;

/// The name of the parameter.
pub const CLICK_PARAMETER: &str = "ll_click";

/// The target with the click's id as its last parameter, in place of any that the target or its visitor has
/// written there. Everything else stays as it was written; the result is built by the URL parser. If it grew
/// beyond twice what a target may have, the target alone is used.
pub fn with_click_id(target: &str, click: ClickId) -> String {
    let Ok(mut url) = Url::parse(target) else { return target.to_owned() };
    let is_other =
        |pair: &&str| !pair.is_empty() && form_urlencoded::parse(pair.as_bytes()).next().is_none_or(|(key, _)| key != CLICK_PARAMETER);
    let own = format!("{CLICK_PARAMETER}={click}");
    let pairs: Vec<&str> = url.query().unwrap_or_default().split('&').filter(is_other).chain([own.as_str()]).collect();
    let query = pairs.join("&");
    url.set_query(Some(&query));
    if url.as_str().len() > 2 * crate::MAX_TARGET_BYTES { target.to_owned() } else { url.into() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Millis;

    fn id() -> ClickId {
        ClickId::new(Millis(1_764_000_000_123), [7; 10])
    }

    #[test]
    fn the_id_is_the_last_parameter_and_the_only_one_of_its_name() {
        for (target, rest) in [
            ("https://example.com/", "https://example.com/?"),
            ("https://example.com/?", "https://example.com/?"),
            ("https://example.com/a?b=1&&c=%E4", "https://example.com/a?b=1&c=%E4&"),
            ("https://example.com/?ll_click=clk_x&b=1", "https://example.com/?b=1&"),
            ("https://example.com/?%6cl_click=x&ll_click&LL_CLICK=1", "https://example.com/?LL_CLICK=1&"),
            ("https://example.com/?a=1;ll_click=2", "https://example.com/?a=1;ll_click=2&"),
        ] {
            assert_eq!(with_click_id(target, id()), format!("{rest}ll_click={}", id()), "{target}");
            // What comes after # is the page's own.
            let with_fragment = format!("{target}#/x?ll_click=1");
            assert_eq!(with_click_id(&with_fragment, id()), format!("{rest}ll_click={}#/x?ll_click=1", id()));
        }
    }

    #[test]
    fn a_target_that_would_grow_too_long_is_left_alone() {
        let longest = |bytes: usize| format!("https://example.com/?a={}", "x".repeat(bytes - "https://example.com/?a=".len()));
        let added = format!("&ll_click={}", id()).len();
        let fits = longest(2 * crate::MAX_TARGET_BYTES - added);
        assert_eq!(with_click_id(&fits, id()).len(), 2 * crate::MAX_TARGET_BYTES);
        let fills = longest(2 * crate::MAX_TARGET_BYTES - added + 1);
        assert_eq!(with_click_id(&fills, id()), fills);
        assert_eq!(with_click_id("no url", id()), "no url");
    }

    proptest! {
        #[test]
        fn any_target_is_told_the_id_once(query in "[a-z&=%;#?6c_l+ ü]{0,40}", own in "(ll_click=[a-z]{0,3}&?){0,3}") {
            let target = Url::parse(&format!("https://example.com/?{query}&{own}")).unwrap();
            let told = Url::parse(&with_click_id(target.as_str(), id())).unwrap();
            let read: Vec<String> = told.query_pairs().filter(|(key, _)| key == CLICK_PARAMETER).map(|(_, value)| value.into_owned()).collect();
            prop_assert_eq!(read, [id().to_string()]);
            prop_assert_eq!((told.host_str(), told.path(), told.fragment()), (Some("example.com"), "/", target.fragment()));
            let others = |url: &Url| url.query_pairs().filter(|(key, value)| key != CLICK_PARAMETER && !(key.is_empty() && value.is_empty())).map(|(key, value)| (key.into_owned(), value.into_owned())).collect::<Vec<_>>();
            prop_assert_eq!(others(&told), others(&target));
        }
    }
}
