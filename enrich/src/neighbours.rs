//! What the clicks beside a click say of it: one visitor's clicks within moments of each other.
//!
//! A verdict is a function of the set of a visitor's clicks, not of the order in which they came: late
//! ones, repeats and other batches change nothing but when it is known.
//!
//! - [`Pattern::Burst`]: at least four different links of a workspace within two seconds. A scanner opens
//!   each of them a few times (with HEAD and then with GET, with several engines and their
//!   follow-ups), and is silent before and after. Where there are more than eight clicks for each link, those
//!   of two seconds before and after included, many people look the same, as behind one office's address:
//!   those are left to the rate.
//! - [`Pattern::Rate`]: more than fifty clicks within two seconds. A person makes five with an impatient
//!   finger; in a hall that scans one code on a screen, people with the same telephone behind one address
//!   make some thirty. So it suspects, and only with something else against them are they machines.

use std::collections::HashMap;
use std::net::IpAddr;

use domain::{Address, LinkId, Millis, Outcome, SignalSet, Verdict, VerdictReason};

use crate::NetworkClass;

/// Clicks that lie so far apart, edges included, are seen together.
const WINDOW_MILLIS: i64 = 2_000;
/// So near to another one a click's verdict may change with it.
pub const REACH_MILLIS: i64 = 2 * WINDOW_MILLIS;
/// What is so near to another one may have a say in what that one changes.
pub const SIGHT_MILLIS: i64 = 2 * REACH_MILLIS;
const BURST_LINKS: usize = 4;
const BURST_CLICKS_OF_A_LINK: usize = 8;
const MOST_CLICKS: usize = 50;

/// What the clicks beside one say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    Burst,
    Rate,
}

/// Whether a visitor's address is of one household or of many people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Crowd {
    #[default]
    None,
    /// A proxy's own network, which may hide whoever comes through it.
    Private,
    /// A relay lets many people out there who have the same browser.
    Relay,
}

impl Crowd {
    /// By the address's network as it is stored.
    pub fn of(network: Option<&str>, system: Option<u32>) -> Self {
        Self::of_address(network.and_then(|network| network.split('/').next()?.parse().ok()), system)
    }

    /// As it was captured.
    pub fn of_captured(address: &Address, system: Option<u32>) -> Self {
        match address {
            Address::Unknown => Self::None,
            Address::Full(ip) => Self::of_address(Some(ip.to_canonical()), system),
            Address::Reduced(reduced) => Self::of(Some(&reduced.network), system),
        }
    }

    fn of_address(address: Option<IpAddr>, system: Option<u32>) -> Self {
        if NetworkClass::of_number(system) == NetworkClass::Relay {
            Self::Relay
        } else if address.is_some_and(is_private) {
            Self::Private
        } else {
            Self::None
        }
    }
}

/// As the redirector, which never calls such an address too fast.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || (ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64)
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_unspecified(),
    }
}

/// One of a visitor's clicks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    pub at: Millis,
    pub link: LinkId,
    pub crowd: Crowd,
}

/// Whether a click says something of those beside it: not what nobody went to see, nor one's own.
pub fn is_neighbour(outcome: Outcome, verdict: Verdict, signals: SignalSet) -> bool {
    let ahead = SignalSet::PREFETCH | SignalSet::PRERENDER | SignalSet::PREVIEW;
    outcome != Outcome::Preview && verdict != Verdict::Internal && !signals.has_any(ahead)
}

pub(crate) fn is_of_neighbours(reason: VerdictReason) -> bool {
    matches!(reason, VerdictReason::Burst | VerdictReason::VisitorRate)
}

/// For each of one visitor's clicks, which must be in the order of time, what the others say of it.
pub fn patterns(clicks: &[Neighbour]) -> Vec<Option<Pattern>> {
    let mut found = vec![None; clicks.len()];
    // Nearly nobody has even so many within the time.
    let is_quiet = clicks.windows(BURST_LINKS).all(|some| some[BURST_LINKS - 1].at.0 - some[0].at.0 > WINDOW_MILLIS);
    if is_quiet || clicks.iter().any(|click| click.crowd == Crowd::Relay) {
        return found;
    }
    let may_be_fast = clicks.iter().any(|click| click.crowd == Crowd::Private);
    let (mut window, mut around) = (Span::default(), Span::default());
    let (mut fast_until, mut burst_until) = (0, 0);
    for (start, first) in clicks.iter().enumerate() {
        window.slide(clicks, |click| first.at <= click.at, first.at.plus(WINDOW_MILLIS));
        window.drop_until(clicks, start);
        around.slide(clicks, |click| first.at.plus(-WINDOW_MILLIS) <= click.at, first.at.plus(2 * WINDOW_MILLIS));
        let end = window.end;
        if window.clicks() > MOST_CLICKS && !may_be_fast {
            found[start.max(fast_until)..end].iter_mut().for_each(|one| *one = one.or(Some(Pattern::Rate)));
            fast_until = end;
        }
        if window.links.len() >= BURST_LINKS && around.clicks() <= BURST_CLICKS_OF_A_LINK * around.links.len() {
            found[start.max(burst_until)..end].fill(Some(Pattern::Burst));
            burst_until = end;
        }
    }
    found
}

/// Clicks from one place to another, and how many of each link they are.
#[derive(Debug, Default)]
struct Span {
    start: usize,
    end: usize,
    links: HashMap<LinkId, usize>,
}

impl Span {
    fn clicks(&self) -> usize {
        self.end - self.start
    }

    /// Goes on to the first click that is `inside`, and to the last one until `last`.
    fn slide(&mut self, clicks: &[Neighbour], inside: impl Fn(&Neighbour) -> bool, last: Millis) {
        while let Some(next) = clicks.get(self.end).filter(|click| click.at <= last) {
            *self.links.entry(next.link).or_default() += 1;
            self.end += 1;
        }
        while clicks.get(self.start).is_some_and(|click| !inside(click)) {
            self.drop_until(clicks, self.start + 1);
        }
    }

    fn drop_until(&mut self, clicks: &[Neighbour], start: usize) {
        for click in &clicks[self.start..start.max(self.start)] {
            if let Some(count) = self.links.get_mut(&click.link) {
                *count -= 1;
                if *count == 0 {
                    self.links.remove(&click.link);
                }
            }
        }
        self.start = start.max(self.start);
    }
}

/// The verdict on a click that is `alone` by itself, among those beside it.
pub fn beside(alone: (Verdict, VerdictReason), pattern: Option<Pattern>) -> (Verdict, VerdictReason) {
    match (alone, pattern) {
        (_, None) | ((Verdict::Internal | Verdict::Bot, _), _) => alone,
        (_, Some(Pattern::Burst)) => (Verdict::Bot, VerdictReason::Burst),
        // The redirector saw the same.
        ((Verdict::Suspected, VerdictReason::Rate), Some(Pattern::Rate)) => alone,
        ((Verdict::Suspected, _), Some(Pattern::Rate)) => (Verdict::Bot, VerdictReason::VisitorRate),
        ((Verdict::Human, _), Some(Pattern::Rate)) => (Verdict::Suspected, VerdictReason::VisitorRate),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn clicks(of: &[(i64, u8)], crowd: Crowd) -> Vec<Neighbour> {
        of.iter().map(|(at, link)| Neighbour { at: Millis(*at), link: LinkId::new(Millis(1), [*link; 10]), crowd }).collect()
    }

    fn found(of: &[(i64, u8)]) -> String {
        let letter = |pattern: &Option<Pattern>| pattern.map_or('.', |pattern| if pattern == Pattern::Burst { 'b' } else { 'r' });
        patterns(&clicks(of, Crowd::None)).iter().map(letter).collect()
    }

    #[test]
    fn four_links_within_two_seconds_are_a_burst_and_nothing_less_is() {
        assert_eq!(found(&[(0, 1), (500, 2), (1_000, 3), (2_000, 4)]), "bbbb");
        assert_eq!(found(&[(0, 1), (500, 2), (1_000, 3), (2_001, 4)]), "....");
        assert_eq!(found(&[(0, 1), (500, 2), (1_000, 3), (1_500, 3), (2_000, 1)]), ".....");
        // The whole run, and nothing beside it.
        assert_eq!(found(&[(0, 1), (1_900, 2), (2_500, 3), (3_000, 4), (3_600, 5), (9_000, 6)]), ".bbbb.");
        // A newsletter that is read.
        assert_eq!(found(&[(0, 1), (30_000, 2), (45_000, 3), (70_000, 4)]), "....");
    }

    #[test]
    fn an_office_that_looks_like_one_person_opens_each_link_more_than_eight_times() {
        // Each of four links with HEAD and twice with GET.
        let thrice: Vec<_> = (0..12).map(|number| (i64::from(number) * 100, number / 3)).collect();
        assert_eq!(found(&thrice), "b".repeat(12));
        let eight: Vec<_> = (0..32).map(|number| (i64::from(number) * 50, number % 4)).collect();
        assert_eq!(found(&eight), "b".repeat(32));
        let office: Vec<_> = (0..33).map(|number| (i64::from(number) * 50, number % 4)).collect();
        assert_eq!(found(&office), ".".repeat(33));
        // Not even those who come last, or first.
        let busy: Vec<_> = (0..200).map(|number| (i64::from(number) * 40, number % 5)).collect();
        assert_eq!(found(&busy), "r".repeat(200));
        // A scanner that is long at it, in between.
        let long: Vec<_> = (0..60).map(|number| (i64::from(number) * 300, number)).collect();
        assert_eq!(found(&long), "b".repeat(60));
    }

    #[test]
    fn a_relay_is_many_people_and_a_proxy_may_be_fast() {
        let burst = [(0, 1), (1, 2), (2, 3), (3, 4)];
        assert_eq!(patterns(&clicks(&burst, Crowd::Relay)), [None; 4]);
        assert_eq!(patterns(&clicks(&burst, Crowd::Private)), [Some(Pattern::Burst); 4]);
        let fast: Vec<_> = (0..51).map(|number| (number, 1)).collect();
        assert_eq!(patterns(&clicks(&fast, Crowd::Private)), [None; 51]);
        assert_eq!(patterns(&clicks(&fast, Crowd::None)), [Some(Pattern::Rate); 51]);
        assert_eq!(patterns(&clicks(&fast[1..], Crowd::None)), [None; 50]);
        let of = |network: &str, system| Crowd::of(Some(network), system);
        assert_eq!(
            [of("127.0.0.0/24", None), of("203.0.113.0/24", None), of("fd00::/48", Some(1))],
            [Crowd::Private, Crowd::None, Crowd::Private]
        );
        assert_eq!((of("203.0.113.0/24", Some(13_335)), Crowd::of(None, None)), (Crowd::Relay, Crowd::None));
    }

    #[test]
    fn what_is_said_already_stays() {
        use domain::Verdict::{Bot, Human, Internal, Suspected};
        let (burst, rate) = (Some(Pattern::Burst), Some(Pattern::Rate));
        for alone in [(Bot, VerdictReason::Crawler), (Internal, VerdictReason::OwnTraffic)] {
            assert_eq!((beside(alone, burst), beside(alone, rate)), (alone, alone));
        }
        assert_eq!(beside((Human, VerdictReason::NoSignal), rate), (Suspected, VerdictReason::VisitorRate));
        assert_eq!(beside((Suspected, VerdictReason::DataCentre), rate), (Bot, VerdictReason::VisitorRate));
        assert_eq!(beside((Suspected, VerdictReason::Rate), rate), (Suspected, VerdictReason::Rate));
        assert_eq!(beside((Suspected, VerdictReason::DataCentre), burst), (Bot, VerdictReason::Burst));
    }

    /// Every window that begins at a click, counted anew.
    fn plain(clicks: &[Neighbour]) -> Vec<Option<Pattern>> {
        let mut found = vec![None; clicks.len()];
        let links = |of: &[usize]| of.iter().map(|index| clicks[*index].link).collect::<HashSet<LinkId>>().len();
        for (start, from) in clicks.iter().enumerate() {
            let after = |index: &usize| clicks[*index].at.0 - from.at.0;
            let window: Vec<usize> = (start..clicks.len()).filter(|index| after(index) <= 2_000).collect();
            let around: Vec<usize> = (0..clicks.len()).filter(|index| (-2_000..=4_000).contains(&after(index))).collect();
            let is_burst = links(&window) >= 4 && around.len() <= 8 * links(&around);
            for member in window.iter().copied() {
                let fast = (window.len() > 50).then_some(Pattern::Rate);
                found[member] = if is_burst { Some(Pattern::Burst) } else { found[member].or(fast) };
            }
        }
        found
    }

    proptest! {
        #[test]
        fn windows_that_slide_find_what_a_plain_count_finds(
            steps in proptest::collection::vec((prop_oneof![0_i64..3, 0_i64..900, 0_i64..2_500], 0_u8..9), 0..160),
        ) {
            let mut at = 0;
            let of: Vec<(i64, u8)> = steps.into_iter().map(|(step, link)| { at += step; (at, link) }).collect();
            let clicks = clicks(&of, Crowd::None);
            prop_assert_eq!(patterns(&clicks), plain(&clicks));
        }
    }
}
