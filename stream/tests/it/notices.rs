//! What notices of changed links keep true.

use domain::LinkAddress;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use stream::{LinkEvent, LinkNotices, LocalNotices};

use crate::fixture::PATIENCE;

fn changed(slug: &str) -> LinkEvent {
    LinkEvent::Changed { address: LinkAddress::shared(slug) }
}

async fn next(events: &mut BoxStream<'static, LinkEvent>) -> LinkEvent {
    tokio::time::timeout(PATIENCE, events.next()).await.expect("a notice in time").expect("an open stream")
}

async fn all_redirectors_hear(notices: impl LinkNotices) {
    let mut followers = [notices.follow().await.unwrap(), notices.follow().await.unwrap()];
    // Published until heard: a subscription over a network takes a moment.
    for events in &mut followers {
        let mut publishing = tokio::time::interval(std::time::Duration::from_millis(20));
        loop {
            tokio::select! {
                _ = publishing.tick() => notices.publish(changed("first")).await,
                event = next(events) => {
                    assert_eq!(event, changed("first"));
                    break;
                }
            }
        }
    }
    notices.publish(changed("last")).await;
    for events in &mut followers {
        while next(events).await != changed("last") {}
    }
}

#[tokio::test]
async fn local_all_redirectors_hear() {
    all_redirectors_hear(LocalNotices::default()).await;
}

#[tokio::test]
async fn a_follower_that_lags_is_told_that_it_is_unsure() {
    let notices = LocalNotices::default();
    let mut events = notices.follow().await.unwrap();
    for number in 0..3_000 {
        notices.publish(changed(&number.to_string())).await;
    }
    assert_eq!(next(&mut events).await, LinkEvent::Unsure);
}
