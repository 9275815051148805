//! Stored clicks read anew, by later rules and databases, as far as what is kept of them tells:
//!
//! - browser, system and device, where the user agent is kept and the browser sent no client hints, which
//!   know better and are not kept;
//! - the channel, but that of a service's parameter, which is not kept either, stays;
//! - the place and who runs the network, by the address where it is kept, else by its network, each where the
//!   database says one and the same of all of that.
//!
//! Whatever cannot be told anew stays. Nothing is told that the workspace does not keep, or did not when the click
//! came.

use domain::{Click, Derived, GeoPlace, Privacy, SignalSet};
use ipnet::IpNet;

use crate::{Enricher, agent_facts, sources};

impl Enricher {
    /// What is to be read in a stored click today.
    pub fn derive_anew(&self, click: &Click, privacy: &Privacy) -> Derived {
        let mut derived = Derived::from(click);
        if let Some(text) = click.user_agent.as_deref().filter(|_| !click.signals.has_any(SignalSet::BRANDS | SignalSet::HINTS)) {
            derived.facts = agent_facts(Some(text));
        }
        derived.channel = Some(sources::channel_anew(click, derived.facts.browser.as_deref()));
        self.place_anew(&mut derived, click, privacy);
        derived
    }

    fn place_anew(&self, derived: &mut Derived, click: &Click, privacy: &Privacy) {
        let network = || click.network.as_deref().and_then(|network| network.parse::<IpNet>().ok());
        let reduced = match click.ip {
            Some(ip) => Some(self.geo.reduce(ip)),
            None => network().map(|network| self.geo.reduce_network(network)),
        };
        let Some(reduced) = reduced else { return };
        // No answer is no news.
        if reduced.place != GeoPlace::default() {
            derived.place = with_what_was_known(reduced.place, &click.place);
            derived.geo_version = reduced.geo_version;
            // Nor is a city told that was left out when the click came, or may have been.
            let was_kept = click.signals.has(SignalSet::CITY_KEPT) || click.place.city.is_some();
            if !privacy.keep.city || !was_kept {
                (derived.place.city, derived.place.latitude, derived.place.longitude) = (None, None, None);
            }
        }
        if reduced.system.is_some() {
            (derived.system, derived.system_version) = (reduced.system, reduced.system_version);
        }
    }
}

/// A database that knows no city takes none away that another knew, unless it names another country or region.
fn with_what_was_known(place: GeoPlace, before: &GeoPlace) -> GeoPlace {
    let is_elsewhere = place.country != before.country || (place.region.is_some() && place.region != before.region);
    if is_elsewhere || place.city.is_some() {
        place
    } else if before.city.is_some() {
        before.clone()
    } else {
        GeoPlace { region: place.region.or_else(|| before.region.clone()), ..place }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::{AutonomousSystem, CapturedClick, Channel, ClientHints, Device, KeptFields, PrivacyLevel, Signals};
    use testkit::mmdb::{Value, build};

    use super::*;
    use crate::tests::captured;
    use crate::{GeoDatabases, GeoSource};

    const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Mobile/15E148 Safari/604.1";

    fn place(country: &str, city: &str) -> Value {
        let text = |text: &str| Value::Text(text.to_owned());
        Value::Map(vec![("country_code".into(), text(country)), ("city".into(), text(city)), ("latitude".into(), Value::Float(1.0))])
    }

    fn country(code: &str) -> Value {
        Value::Map(vec![("country_code".into(), Value::Text(code.to_owned()))])
    }

    fn enricher(networks: &[(&str, Value)], systems: &str) -> Enricher {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("places.mmdb"), build(4, networks)).unwrap();
        std::fs::write(folder.path().join("systems.csv"), systems).unwrap();
        Enricher::new(Arc::new(GeoDatabases::open(GeoSource::Folder(folder.path().to_owned())).unwrap()))
    }

    fn from(address: [u8; 4]) -> CapturedClick {
        CapturedClick { address: domain::Address::Full(address.into()), user_agent: Some(PHONE.into()), ..captured() }
    }

    #[test]
    fn with_the_same_rules_and_databases_everything_stays() {
        let networks = [("203.0.113.0/24", place("DE", "Berlin")), ("198.51.100.0/25", place("FR", "Paris"))];
        let enricher = enricher(&networks, "203.0.113.0,203.0.113.255,24940,Host\n");
        let keep = KeptFields { user_agent: false, city: false, ..KeptFields::default() };
        for privacy in [
            Privacy::default(),
            Privacy { keep, ..Privacy::default() },
            Privacy { level: PrivacyLevel::Full, ..Privacy::default() },
            Privacy { level: PrivacyLevel::None, ..Privacy::default() },
        ] {
            for mut captured in [from([203, 0, 113, 7]), from([198, 51, 100, 7]), from([192, 0, 2, 7])] {
                captured.url = "http://x/a?fbclid=F1".into();
                captured.referrer = Some("https://www.google.com/".into());
                let click = enricher.enrich(&captured, &privacy);
                assert_eq!(enricher.derive_anew(&click, &privacy), Derived::from(&click), "{captured:?}");
                assert_eq!(click.channel, Some(Channel::Social));
            }
        }
    }

    #[test]
    fn a_later_database_knows_more_and_one_that_knows_less_takes_nothing_away() {
        let before = enricher(&[("203.0.113.0/24", place("DE", "Berlin"))], "203.0.113.0,203.0.113.255,64496,One\n");
        let click = before.enrich(&from([203, 0, 113, 7]), &Privacy::default());
        let none = enricher(&[("192.0.2.0/24", place("FR", "Paris"))], "192.0.2.0,192.0.2.255,64497,Two\n");
        assert_eq!(none.derive_anew(&click, &Privacy::default()), Derived::from(&click));
        let later = enricher(&[("203.0.0.0/16", place("AT", "Wien"))], "203.0.113.0,203.0.113.255,24940,Host\n");
        let derived = later.derive_anew(&click, &Privacy::default());
        assert_eq!((derived.place.country.as_deref(), derived.place.city.as_deref()), (Some("AT"), Some("Wien")));
        assert_eq!(derived.system, Some(AutonomousSystem { number: 24_940, name: Some("Host".into()) }));
        let keep = KeptFields { city: false, ..KeptFields::default() };
        let private = Privacy { keep, ..Privacy::default() };
        let derived = later.derive_anew(&click, &private);
        assert_eq!((derived.place.country.as_deref(), derived.place.city), (Some("AT"), None));
        // What was left out stays so.
        let cityless = before.enrich(&from([203, 0, 113, 7]), &private);
        assert_eq!(later.derive_anew(&cityless, &Privacy::default()).place.city, None);
        // Of the same country less is known.
        let countries = enricher(&[("203.0.113.0/24", country("DE"))], "203.0.113.0,203.0.113.255,64496,One\n");
        assert_eq!(countries.derive_anew(&click, &Privacy::default()).place, click.place);
    }

    #[test]
    fn a_network_that_lies_in_two_places_stays_where_its_address_was() {
        let split = [("203.0.113.0/25", place("DE", "Berlin")), ("203.0.113.128/25", place("AT", "Wien"))];
        let split = enricher(&split, "203.0.113.0,203.0.113.127,64496,One\n203.0.113.128,203.0.113.255,64497,Two\n");
        let click = split.enrich(&from([203, 0, 113, 200]), &Privacy::default());
        assert_eq!(click.place.city.as_deref(), Some("Wien"));
        assert_eq!(split.derive_anew(&click, &Privacy::default()), Derived::from(&click));
        // Where the address is kept, it tells.
        let full = Privacy { level: PrivacyLevel::Full, ..Privacy::default() };
        let unplaced = Click { place: GeoPlace::default(), ..split.enrich(&from([203, 0, 113, 200]), &full) };
        assert_eq!(split.derive_anew(&unplaced, &full).place.city.as_deref(), Some("Wien"));
    }

    #[test]
    fn what_client_hints_and_parameters_said_stays_and_older_rules_do_not() {
        let enricher = Enricher::new(Arc::default());
        let old = Click {
            browser: Some("Old".into()),
            device: Device::Unknown,
            channel: None,
            ..enricher.enrich(&from([1; 4]), &Privacy::default())
        };
        let derived = enricher.derive_anew(&old, &Privacy::default());
        assert_eq!((derived.facts.browser.as_deref(), derived.facts.device), (Some("Safari"), Device::Mobile));
        assert_eq!(derived.channel, Some(Channel::Direct));
        let hints = Some(Box::new(ClientHints { brands: Some("\"Brave\";v=\"136\"".into()), ..ClientHints::default() }));
        let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/136.0.0.0 Safari/537.36";
        let signals = Signals { hints, ..Signals::of(SignalSet::BRANDS) };
        let click = enricher.enrich(&CapturedClick { signals, user_agent: Some(chrome.into()), ..captured() }, &Privacy::default());
        assert_eq!(click.browser.as_deref(), Some("Brave"));
        assert_eq!(enricher.derive_anew(&click, &Privacy::default()).facts.browser.as_deref(), Some("Brave"));
        // So does what only hints of the system said.
        let platform = Some(Box::new(ClientHints { platform: Some("\"Android\"".into()), ..ClientHints::default() }));
        let signals = Signals { hints: platform, ..Signals::default() };
        let linux = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/136.0.0.0 Safari/537.36";
        let click = enricher.enrich(&CapturedClick { signals, user_agent: Some(linux.into()), ..captured() }, &Privacy::default());
        assert_eq!((click.os.as_deref(), enricher.derive_anew(&click, &Privacy::default())), (Some("Android"), Derived::from(&click)));
        // What the author wrote goes before the parameter that is gone.
        let followed = Click { channel: Some(Channel::Social), signals: SignalSet::CLICK_ID, ..old };
        assert_eq!(enricher.derive_anew(&followed, &Privacy::default()).channel, Some(Channel::Social));
        let utm = domain::Utm { medium: Some("email".into()), ..domain::Utm::default() };
        assert_eq!(enricher.derive_anew(&Click { utm, ..followed }, &Privacy::default()).channel, Some(Channel::Email));
    }
}
