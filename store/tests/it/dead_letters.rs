//! Letters are kept as they came, page by page, until they are deleted.

use domain::{LocalDay, Millis};
use store::{DeadLetter, SealedRecord, Store, StoreError};
use uuid::Uuid;

use crate::fixture::NOON;

pub async fn they_are_kept_until_they_are_deleted(store: &Store) {
    let letter = |number: u8| DeadLetter {
        id: Uuid::from_u128(number.into()),
        frame: format!("frame-{number}").into(),
        reason: "refused".into(),
        record: vec![number; 3],
        sealed: (number > 1).then(|| SealedRecord { day: LocalDay(20_000), text: format!("sealed {number}") }),
        at: NOON.plus(number.into()),
    };
    let letters = [letter(1), letter(2), letter(3)];
    store.set_aside(&letters).await.unwrap();
    // Another delivery of the same record makes no second letter, nor another one of the first.
    store.set_aside(&[DeadLetter { at: Millis(0), ..letter(2) }]).await.unwrap();
    let told = |letters: &[DeadLetter]| letters.iter().map(|letter| format!("{letter:?}")).collect::<Vec<_>>();
    let first = store.dead_letters_after(None, 2).await.unwrap();
    let rest = store.dead_letters_after(Some(first[1].id), 2).await.unwrap();
    assert_eq!(told(&[first, rest].concat()), told(&letters));
    assert_eq!(told(&[store.dead_letter(letters[1].id).await.unwrap()]), told(&letters[1..2]));
    store.remove_dead_letter(letters[1].id).await.unwrap();
    let gone = (store.remove_dead_letter(letters[1].id).await, store.dead_letter(letters[1].id).await);
    assert!(matches!(gone, (Err(StoreError::NotFound), Err(StoreError::NotFound))), "{gone:?}");
    assert_eq!(store.dead_letters_after(None, 9).await.unwrap().len(), 2);
}
