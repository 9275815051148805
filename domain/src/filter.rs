//! Which clicks a question is about. One type serves queries, where the store turns it into SQL,
//! and subscriptions, where [`ClickFilter::matches`] is asked for each click.

use crate::{Click, ClickProperties, LinkTraits, Millis, Verdict};

/// The clicks of a range that have all of `include` and nothing of `exclude`: between the fields of
/// the one all must match, of the other each leaves out by itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClickFilter {
    /// First instant included.
    pub from: Option<Millis>,
    /// First instant no longer included.
    pub to: Option<Millis>,
    pub include: ClickProperties,
    pub exclude: ClickProperties,
}

/// Of whatever time.
impl From<ClickProperties> for ClickFilter {
    fn from(include: ClickProperties) -> Self {
        Self { include, ..Self::default() }
    }
}

impl ClickFilter {
    /// The same with these verdicts, where it names none.
    #[must_use]
    pub fn with_default_verdicts(&self, verdicts: &[Verdict]) -> Self {
        let mut filter = self.clone();
        if !self.names_verdicts() {
            filter.include.verdicts = verdicts.to_vec();
        }
        filter
    }

    /// The verdicts that it lets through; these where it names none. Whoever leaves out bots has named
    /// all others.
    pub fn verdicts_or(&self, default: &'static [Verdict]) -> Vec<Verdict> {
        let (wanted, unwanted) = (&self.include.verdicts, &self.exclude.verdicts);
        let named = if self.names_verdicts() { Verdict::ALL } else { default };
        let lets_through = |verdict: &&Verdict| (wanted.is_empty() || wanted.contains(verdict)) && !unwanted.contains(verdict);
        named.iter().filter(lets_through).copied().collect()
    }

    fn names_verdicts(&self) -> bool {
        !(self.include.verdicts.is_empty() && self.exclude.verdicts.is_empty())
    }

    /// The same about clicks of every verdict.
    #[must_use]
    pub fn of_any_verdict(&self) -> Self {
        let mut filter = self.clone();
        filter.include.verdicts.clear();
        filter.exclude.verdicts.clear();
        filter
    }

    /// Whether it matters which link a click is of.
    pub fn names_links(&self) -> bool {
        self.include.names_links() || self.exclude.names_links()
    }

    /// Whether a click alone does not say if it is let through: [`Self::matches_link`] must be asked too.
    pub fn asks_of_links(&self) -> bool {
        self.include.asks_of_links() || self.exclude.asks_of_links()
    }

    /// Whether a click is let through as far as it tells: of what its link is now it does not.
    pub fn matches(&self, click: &Click) -> bool {
        let at = click.occurred_at();
        let in_range = self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at < to);
        in_range && self.include.has_all(click) && !self.exclude.has_any(click)
    }

    /// Whether the clicks of such a link may be let through.
    pub fn matches_link(&self, link: LinkTraits<'_>) -> bool {
        self.include.has_all_of_link(link) && !self.exclude.has_any_of_link(link)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(include: &[Verdict], exclude: &[Verdict]) -> ClickFilter {
        let named = |verdicts: &[Verdict]| ClickProperties { verdicts: verdicts.to_vec(), ..ClickProperties::default() };
        ClickFilter { exclude: named(exclude), ..named(include).into() }
    }

    #[test]
    fn verdicts_are_named_also_by_leaving_some_out() {
        use Verdict::{Bot, Human, Internal, Suspected};
        for (filter, wanted) in [
            (of(&[], &[]), vec![Human]),
            (of(&[Bot, Human], &[]), vec![Human, Bot]),
            (of(&[], &[Bot]), vec![Human, Suspected, Internal]),
            (of(&[Bot, Human], &[Human]), vec![Bot]),
            (of(&[Bot], &[Bot]), vec![]),
        ] {
            let mut found = filter.verdicts_or(&[Human]);
            found.sort_unstable_by_key(|verdict| wanted.iter().position(|wanted| wanted == verdict));
            assert_eq!(found, wanted, "{filter:?}");
        }
    }
}
