//! Dead letters: what is kept of a record that cannot be stored.
//!
//! The visitor's address is in it for two days at most: the record is kept without it, and whole only as
//! sealed under the key of that day (of UTC), which is made and destroyed as the salts of visitors are. Of
//! a record that cannot be read nobody knows where the address is, so nothing but the sealed one is kept.

use domain::{Address, LocalDay, Millis, WorkspaceId};
use jiff::tz::TimeZone;
use platform::{Rng, SealKey};
use store::{DeadLetter, Poison, SealedRecord, StoreError};
use stream::{Captured, decode_captured};
use uuid::Uuid;

use crate::Salts;

/// No workspace: the days' keys are the installation's.
const INSTALLATION: WorkspaceId = WorkspaceId(Uuid::nil());

/// Clones share the keys.
#[derive(Clone, Debug)]
pub struct Letters {
    salts: Salts,
    rng: Rng,
}

impl Letters {
    pub fn new(salts: Salts, rng: Rng) -> Self {
        Self { salts, rng }
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn seal(&self, poison: &Poison, now: Millis) -> Result<DeadLetter, StoreError> {
        let day = LocalDay::of(now, &TimeZone::UTC);
        let key = self.key(day, now).await?;
        let sealed = key.and_then(|key| key.seal(&purpose(poison.id), &poison.record, &self.rng).ok());
        Ok(DeadLetter {
            id: poison.id,
            frame: poison.frame.clone(),
            reason: poison.reason.clone(),
            record: without_address(&poison.record),
            sealed: sealed.map(|text| SealedRecord { day, text }),
            at: poison.at,
        })
    }

    /// The record as it came while the key of its day is there, afterwards without the address; empty when
    /// it could not be read.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open(&self, letter: &DeadLetter, now: Millis) -> Result<Vec<u8>, StoreError> {
        let Some(sealed) = &letter.sealed else { return Ok(letter.record.clone()) };
        let key = self.key(sealed.day, now).await?;
        let opened = key.and_then(|key| key.open(&purpose(letter.id), &sealed.text).ok());
        Ok(opened.unwrap_or_else(|| letter.record.clone()))
    }

    async fn key(&self, day: LocalDay, now: Millis) -> Result<Option<SealKey>, StoreError> {
        Ok(self.salts.of(INSTALLATION, day, &TimeZone::UTC, now).await?.map(|salt| SealKey::of(salt.0)))
    }
}

fn purpose(letter: Uuid) -> String {
    format!("dead letter {letter}")
}

fn without_address(record: &[u8]) -> Vec<u8> {
    let Ok(mut captured) = decode_captured(record) else { return Vec::new() };
    let address = match &mut captured {
        Captured::Click(click) => &mut click.address,
        Captured::Miss(miss) => &mut miss.address,
    };
    if let Address::Full(_) = address {
        *address = Address::Unknown;
    }
    captured.encode()
}

#[cfg(test)]
mod tests {
    use domain::{CapturedClick, CapturedMiss, ClickId, DomainId, LinkId, Method, MissId, Outcome, SignalSet, Signals};
    use platform::config::Database;
    use store::Store;
    use stream::{decode_record, encode_record};

    use super::*;

    /// 2026-03-01T12:00:00Z.
    const NOON: Millis = Millis(1_772_366_400_000);
    const HOUR: i64 = 3_600_000;
    const ADDRESS: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0xaa, 0xbb, 0xcc, 0xdd, 1, 2, 3, 4, 5, 6, 7, 8];

    fn click() -> CapturedClick {
        CapturedClick {
            id: ClickId::new(NOON, [1; 10]),
            workspace: WorkspaceId::new(NOON, [2; 10]),
            link: LinkId::new(NOON, [3; 10]),
            link_version: 1,
            outcome: Outcome::Redirected,
            status: 302,
            method: Method::Get,
            url: "http://x/a?\0".into(),
            target: "https://y/".into(),
            address: Address::Full(ADDRESS.into()),
            user_agent: Some("Mozilla/5.0".into()),
            referrer: None,
            accept_language: None,
            redirect_micros: 1,
            rule: None,
            above_rate: false,
            signals: Signals::default(),
            judged: None,
        }
    }

    fn poison(record: Vec<u8>) -> Poison {
        Poison { id: Uuid::from_u128(7), frame: "frame".into(), reason: "refused".into(), record, at: NOON }
    }

    #[test]
    fn a_letter_of_a_miss_is_kept_without_the_address_as_well() {
        let miss = CapturedMiss {
            id: MissId::new(NOON, [1; 10]),
            workspace: WorkspaceId::new(NOON, [2; 10]),
            domain: DomainId::new(NOON, [3; 10]),
            slug: Some("sael".into()),
            method: Method::Get,
            address: Address::Full(ADDRESS.into()),
            user_agent: None,
            signals: SignalSet::default(),
            judged: None,
        };
        let kept = decode_captured(&without_address(&Captured::Miss(miss.clone()).encode()));
        assert_eq!(kept, Ok(Captured::Miss(CapturedMiss { address: Address::Unknown, ..miss })));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_address_is_in_a_letter_for_two_days_and_never_in_the_clear() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::connect(&Database::Sqlite(folder.path().join("test.db"))).await.unwrap();
        store::migrate(&store, NOON).await.unwrap();
        let letters = || Letters::new(Salts::new(store.clone(), Rng::System), Rng::System);
        let (record, broken) = (encode_record(&click()), [&[1, 0xff][..], &ADDRESS].concat());
        let sealed =
            [letters().seal(&poison(record.clone()), NOON).await.unwrap(), letters().seal(&poison(broken.clone()), NOON).await.unwrap()];
        store.set_aside(&sealed).await.unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            assert!(!bytes.windows(ADDRESS.len()).any(|window| window == ADDRESS));
        }
        // By another process too, until the key's time is over.
        for (letter, whole) in sealed.iter().zip([&record, &broken]) {
            assert_eq!(&letters().open(letter, NOON.plus(30 * HOUR)).await.unwrap(), whole);
        }
        let later = NOON.plus(36 * HOUR);
        let salts = Salts::new(store.clone(), Rng::System);
        salts.destroy(later).await.unwrap();
        let letters = Letters::new(salts, Rng::System);
        let opened = decode_record(&letters.open(&sealed[0], later).await.unwrap()).unwrap();
        assert_eq!(opened, CapturedClick { address: Address::Unknown, ..click() });
        assert!(letters.open(&sealed[1], later).await.unwrap().is_empty());
    }
}
