//! Misses: what may be kept of one, and who it was. A miss is taken for a click by the same visitor that leads
//! nowhere, so that it never holds more than a click of its workspace would, and is judged by the same rules.

use domain::{Address, CapturedClick, CapturedMiss, ClickId, DaySalt, GeoPlace, LinkId, Millis, Miss, Outcome, Privacy, Signals};

use crate::{Enricher, GeoDatabases, reduce_captured};

/// As [`reduce_captured`] does with clicks. Of the place only the country is left, and no visitor is told. `privacy` is
/// `None` while nobody can tell what the workspace decided.
pub fn reduce_missed(miss: &mut CapturedMiss, geo: &GeoDatabases, privacy: Option<&Privacy>) {
    let mut click = stand_in(miss);
    let no_salt: Option<&DaySalt> = None;
    reduce_captured(&mut click, geo, privacy, no_salt);
    if let Address::Reduced(address) = &mut click.address {
        let country = address.place.country.take();
        address.place = GeoPlace { country, ..GeoPlace::default() };
    }
    miss.address = click.address;
    miss.user_agent = click.user_agent;
    miss.signals = click.signals.set;
    miss.judged = click.judged;
}

impl Enricher {
    /// The miss to be stored, with no more than its workspace keeps of clicks.
    pub fn miss(&self, captured: &CapturedMiss, privacy: &Privacy) -> Miss {
        let click = self.enrich(&stand_in(captured), privacy);
        Miss {
            id: captured.id,
            domain: captured.domain,
            slug: captured.slug.clone(),
            verdict: click.verdict,
            network: click.network,
            country: click.place.country,
            user_agent: click.user_agent,
        }
    }
}

fn stand_in(miss: &CapturedMiss) -> CapturedClick {
    CapturedClick {
        id: ClickId(miss.id.0),
        workspace: miss.workspace,
        link: LinkId::floor(Millis(0)),
        link_version: 0,
        outcome: Outcome::Preview,
        status: 404,
        method: miss.method,
        url: String::new(),
        target: String::new(),
        address: miss.address.clone(),
        user_agent: miss.user_agent.clone(),
        referrer: None,
        accept_language: None,
        redirect_micros: 0,
        rule: None,
        above_rate: false,
        signals: Signals::of(miss.signals),
        judged: miss.judged.clone(),
    }
}

#[cfg(test)]
mod tests {
    use domain::{ConsentMode, DomainId, KeptFields, Method, MissId, PrivacyLevel, SignalSet, Verdict, WorkspaceId};

    use super::*;

    const PERSON: &str = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0";

    fn captured(agent: Option<&str>) -> CapturedMiss {
        CapturedMiss {
            id: MissId::new(Millis(1), [1; 10]),
            workspace: WorkspaceId::new(Millis(1), [2; 10]),
            domain: DomainId::new(Millis(1), [3; 10]),
            slug: Some("sale".into()),
            method: Method::Get,
            address: Address::Full([203, 0, 113, 7].into()),
            user_agent: agent.map(str::to_owned),
            signals: SignalSet::default(),
            judged: None,
        }
    }

    fn stored(captured: &CapturedMiss, privacy: &Privacy) -> Miss {
        Enricher::new(std::sync::Arc::default()).miss(captured, privacy)
    }

    #[test]
    fn who_it_was_is_told_by_the_agent() {
        for (agent, verdict) in [(Some(PERSON), Verdict::Human), (Some("curl/8.5.0"), Verdict::Bot), (None, Verdict::Bot)] {
            assert_eq!(stored(&captured(agent), &Privacy::default()).verdict, verdict, "{agent:?}");
        }
        let own = Privacy { own_networks: vec!["203.0.113.0/24".parse().unwrap()], ..Privacy::default() };
        assert_eq!(stored(&captured(Some(PERSON)), &own).verdict, Verdict::Internal);
    }

    #[test]
    fn strict_capture_and_the_worker_keep_the_same_and_no_more_than_of_a_click() {
        let no_agent = KeptFields { user_agent: false, ..KeptFields::default() };
        for privacy in [
            Privacy::default(),
            Privacy { level: PrivacyLevel::None, ..Privacy::default() },
            Privacy { level: PrivacyLevel::Full, ..Privacy::default() },
            Privacy { keep: no_agent, ..Privacy::default() },
            Privacy { consent: ConsentMode::Required, ..Privacy::default() },
        ] {
            let (plain, mut strict) = (captured(Some(PERSON)), captured(Some(PERSON)));
            reduce_missed(&mut strict, &GeoDatabases::default(), Some(&privacy));
            assert!(matches!(strict.address, Address::Reduced(_)), "{privacy:?}");
            let (miss, click) = (stored(&plain, &privacy), Enricher::new(std::sync::Arc::default()).enrich(&stand_in(&plain), &privacy));
            assert_eq!(stored(&strict, &privacy), miss, "{privacy:?}");
            assert_eq!((miss.network, miss.user_agent), (click.network, click.user_agent), "{privacy:?}");
        }
        // Only counted while nobody knows what was decided.
        let mut unknown = captured(Some(PERSON));
        reduce_missed(&mut unknown, &GeoDatabases::default(), None);
        let miss = stored(&unknown, &Privacy::default());
        assert_eq!((miss.network, miss.user_agent, miss.verdict), (None, None, Verdict::Human));
    }
}
